// Arrivals by transport-wide sequence number, and the feedback packets that tell the sender about them every
// 50 to 100 ms: without them Chromium never sends more than its lowest layer. One per endpoint, on its
// worker; a ring of 4-byte records and a bitmap, nothing allocated per packet.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "sfu/rtp/transport_feedback.hpp"

namespace roomgate::sfu::congestion {

class TransportCcCollector {
 public:
  struct Limits {
    Duration max_interval = milliseconds(100);
    Duration min_interval = milliseconds(50);
    std::size_t early_after = 20;  // packets that make min_interval enough
  };

  explicit TransportCcCollector(Limits limits) : limits_(limits) {}
  TransportCcCollector() : TransportCcCollector(Limits{}) {}

  // An authenticated packet with extension 5.
  void on_packet(std::uint16_t sequence, TimePoint arrival);
  bool due(TimePoint now) const;
  // Writes one RTCP packet and returns its length; call until it returns 0 (nothing left, or no room in
  // `out`).
  std::size_t build(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, TimePoint now, ByteSpan out);

 private:
  static constexpr std::size_t kWindow = 2048;  // numbers remembered; a power of two

  static std::size_t index(std::int64_t sequence) {
    return static_cast<std::size_t>(sequence) & (kWindow - 1);
  }
  bool has(std::int64_t sequence) const { return received_.test(index(sequence)); }

  Limits limits_;
  bool started_ = false;
  std::int64_t highest_ = 0;    // newest received
  std::int64_t reported_ = 0;   // first number of the next feedback; highest_ + 1: nothing new
  std::size_t unreported_ = 0;  // packets since the last feedback
  TimePoint epoch_{};
  TimePoint last_built_{};
  std::uint8_t feedback_count_ = 0;
  std::bitset<kWindow> received_;
  std::array<std::uint32_t, kWindow> arrival_{};  // in 250 us since epoch_
  std::array<rtp::PacketStatus, rtp::kMaxStatuses> statuses_;
};

}  // namespace roomgate::sfu::congestion
