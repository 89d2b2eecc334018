// A track and a receiver with a wire between them that a test can cut: no sockets, no encryption, a clock
// that the test moves.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "bench/roomload/media/receiver.hpp"
#include "bench/roomload/media/track.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::bench::roomload::media::test {

using Bytes = std::vector<std::uint8_t>;

inline const TimePoint kStart{seconds(1000)};

// Keeps what it is given.
class Kept final : public Sink {
 public:
  ByteSpan space() override { return space_; }
  void send_rtp(std::size_t size) override {
    rtp.emplace_back(space_.begin(), space_.begin() + static_cast<long>(size));
  }
  void send_rtcp(std::size_t size) override {
    rtcp.emplace_back(space_.begin(), space_.begin() + static_cast<long>(size));
  }

  std::vector<Bytes> rtp;
  std::vector<Bytes> rtcp;

  std::vector<Bytes> take_rtp() { return std::exchange(rtp, {}); }

 private:
  std::array<std::uint8_t, kMaxPacket> space_{};
};

inline sfu::rtp::RtpPacketView view(const Bytes& packet) { return *sfu::rtp::RtpPacketView::parse(packet); }

inline TrackSettings video_settings(std::uint8_t payload_type, std::uint8_t rtx_payload_type) {
  return {.layers = {{{100, 110}, {200, 210}, {300, 310}}},
          .payload_type = payload_type,
          .rtx_payload_type = rtx_payload_type,
          .cname = "someone"};
}

// Plays one SSRC of a track into a receiver, as a forwarder without any change of its own would.
class Wire {
 public:
  Wire(const Sample& sample, TrackSettings settings, std::uint32_t ssrc, std::uint32_t rtx)
      : ssrc_(ssrc),
        rtx_(rtx),
        track(sample, settings, numbers, sent, kStart),
        receiver({.ssrc = 77, .cname = "receiver"}, got) {
    receiver.add_source({.name = "a-v0", .video = sample.codec != Codec::opus, .ssrc = ssrc, .rtx = rtx});
  }

  // False: the packet is lost on its way to the receiver.
  std::function<bool(Bytes&)> pass = [](Bytes&) { return true; };

  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds(1)) step();
  }

  void step() {
    track.poll(now, up);
    for (Bytes& packet : up.take_rtp()) {
      const std::uint32_t ssrc = view(packet).ssrc();
      if (ssrc != ssrc_ && ssrc != rtx_) continue;
      if (pass(packet)) receiver.on_rtp(packet, now + one_way);
    }
    for (const Bytes& packet : std::exchange(up.rtcp, {})) receiver.on_rtcp(packet, now);
    receiver.flush(now, down);
    receiver.poll(now, down);
    for (const Bytes& packet : std::exchange(down.rtcp, {})) {
      feedback.push_back(packet);
      if (answer) track.on_rtcp(packet, now, up);
    }
  }

  TimePoint now = kStart;
  Duration one_way = milliseconds(7);
  bool answer = true;
  std::vector<Bytes> feedback;
  Totals sent;
  Totals got;
  TransportSequence numbers;
  Kept up;
  Kept down;

 private:
  std::uint32_t ssrc_;
  std::uint32_t rtx_;

 public:
  Track track;
  Receiver receiver;
};

template <class Match>
std::size_t count_rtcp(const std::vector<Bytes>& datagrams, Match&& match) {
  std::size_t count = 0;
  for (const Bytes& datagram : datagrams) {
    sfu::rtp::RtcpReader reader(datagram);
    while (const auto packet = reader.next()) count += match(*packet) ? 1 : 0;
  }
  return count;
}

}  // namespace roomgate::bench::roomload::media::test
