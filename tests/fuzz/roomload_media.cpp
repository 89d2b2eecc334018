// The receiving side of roomload with a recorder behind it: a session of packets as a server could send them.
// Each packet of the input is a length, and bytes that begin with the time passed and go on as the packet
// itself. What must hold: no more arrived than were expected, and every frame the recorder was given had its
// packets.
#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/recorder.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

namespace {

class Swallow final : public Sink {
 public:
  ByteSpan space() override { return space_; }
  void send_rtp(std::size_t size) override { require(size <= space_.size()); }
  void send_rtcp(std::size_t size) override { require(size <= space_.size()); }

 private:
  std::array<std::uint8_t, kMaxPacket> space_{};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr sfu::rtp::Codec kCodecs[] = {sfu::rtp::Codec::vp8, sfu::rtp::Codec::vp9, sfu::rtp::Codec::h264,
                                         sfu::rtp::Codec::av1};
  ByteReader in(ByteView(data, size));
  Totals totals;
  Swallow sink;
  std::size_t written = 0;
  Recorder recorder(kCodecs[in.u8() % 4], [&](ByteView bytes) { written += bytes.size(); });
  Receiver receiver({.cname = "fuzz"}, totals);
  receiver.add_source({.name = "a-v0", .video = true, .ssrc = 1, .rtx = 2});
  receiver.add_source({.name = "a-a0", .ssrc = 3});
  receiver.record(1, recorder);

  TimePoint now{seconds(1)};
  while (in.left() > 2) {
    const std::size_t length = in.u8();
    now += milliseconds(in.u8());
    const ByteView packet = in.bytes(std::min(length, in.left()));
    receiver.on_rtp(packet, now);
    receiver.on_rtcp(packet, now);
    receiver.flush(now, sink);
    receiver.poll(now, sink);
  }
  receiver.finish(now);

  require(totals.video.packets <= totals.video.expected);
  require(totals.audio.packets <= totals.audio.expected);
  require(totals.video.keyframes <= totals.video.frames);
  require(recorder.frames() + recorder.bad_frames() == totals.video.frames);
  return 0;
}
