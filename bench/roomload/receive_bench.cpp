// What the receiving side costs roomload itself: many receivers of the neutral load (9 packets of 1200 bytes
// a frame, 29 frames a second) on one thread, without sockets and SRTP. Counted is this thread's CPU for
// everything a receiver does: reading, checks, feedback. usage: roomload_receive_bench [RECEIVERS] [SECONDS
// OF MEDIA]
#include <ctime>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/track.hpp"

namespace {

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

double thread_cpu() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

// Keeps a frame's packets for the receivers, and drops what they answer.
class Keep final : public Sink {
 public:
  ByteSpan space() override { return space_; }
  void send_rtp(std::size_t size) override {
    packets.emplace_back(space_.begin(), space_.begin() + static_cast<std::ptrdiff_t>(size));
  }
  void send_rtcp(std::size_t) override { ++control; }
  std::vector<std::vector<std::uint8_t>> packets;
  std::size_t control = 0;

 private:
  std::array<std::uint8_t, kMaxPacket> space_{};
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t receivers = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 300;
  const std::size_t length = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 20;
  for (const bool recorded : {false, true}) {
    const Sample neutral = neutral_video();
    const Sample& sample = recorded ? recorded_video(Codec::vp8) : neutral;
    Totals sent;
    Totals got;
    TransportSequence numbers;
    TimePoint now{seconds(1000)};
    TrackSettings settings{
        .layers = {{{1, 11}, {2, 12}, {3, 13}}}, .payload_type = 100, .rtx_payload_type = 96};
    settings.stamp = recorded ? Stamp::padding : Stamp::tail;
    Track track(sample, settings, numbers, sent, now);
    const std::uint32_t ssrc = recorded ? 3 : 1;
    std::vector<std::unique_ptr<Receiver>> all;
    for (std::size_t i = 0; i < receivers; ++i) {
      all.push_back(std::make_unique<Receiver>(ReceiverSettings{.cname = "bench"}, got));
      all.back()->add_source({.name = "a-v0", .video = true, .ssrc = ssrc, .rtx = ssrc + 10});
    }
    Keep up;
    Keep down;
    double cpu = 0;
    std::uint64_t packets = 0;
    const TimePoint end = now + seconds(length);
    while (now < end) {
      up.packets.clear();
      track.poll(now, up);
      std::erase_if(up.packets, [&](const auto& p) { return load32(&p[8]) != ssrc; });
      const double before = thread_cpu();
      for (const auto& receiver : all) {
        for (const auto& packet : up.packets) receiver->on_rtp(packet, now + milliseconds(1));
        receiver->flush(now + milliseconds(1), down);
        if (receiver->next_due() <= now) receiver->poll(now, down);
      }
      cpu += thread_cpu() - before;
      packets += up.packets.size() * receivers;
      now += milliseconds(10);
    }
    std::printf(
        "%-8s %zu receivers, %zu s: %llu packets, %.0f ns of CPU a packet, %.2f %% of a core for 300 at 260 "
        "packets/s, "
        "%zu feedback packets, faults %llu, frames %llu, freezes %llu\n",
        recorded ? "recorded" : "neutral", receivers, length, static_cast<unsigned long long>(packets),
        cpu * 1e9 / static_cast<double>(packets), cpu / static_cast<double>(packets) * 260 * 300 * 100,
        down.control, static_cast<unsigned long long>(got.video.continuity_faults()),
        static_cast<unsigned long long>(got.video.frames),
        static_cast<unsigned long long>(got.video.freezes));
  }
}
