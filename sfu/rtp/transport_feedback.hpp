// Transport-wide congestion control feedback on the wire (RTPFB fmt 15): status chunks and receive deltas to
// values and back. Bytes only; who collects arrivals is congestion/transport_cc_collector.hpp. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"
#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::rtp {

// A delta is told in 250 us; the reference time in 64 ms, i.e. 256 of them.
inline constexpr std::int64_t kDeltaMicroseconds = 250;
inline constexpr std::int64_t kTicksPerReference = 256;
// With so many statuses the worst case (2-bit vectors, 2-byte deltas) stays below 1200 bytes.
inline constexpr std::size_t kMaxStatuses = 480;
inline constexpr std::size_t kMaxFeedbackBytes = 1200;

struct PacketStatus {
  bool received = false;
  std::int16_t delta =
      0;  // since the packet received before it (the first: since the reference time), in 250 us
  friend bool operator==(const PacketStatus&, const PacketStatus&) = default;
};

struct TransportFeedbackHead {
  std::uint32_t sender_ssrc = 0;
  std::uint32_t media_ssrc = 0;
  std::uint16_t base_sequence = 0;
  std::uint32_t reference_time = 0;  // 24 bits, in 64 ms
  std::uint8_t feedback_count = 0;
};

// statuses[i] is about base_sequence + i. False when there are none, more than kMaxStatuses, or no room.
bool write_transport_feedback(ByteWriter& out, const TransportFeedbackHead& head,
                              std::span<const PacketStatus> statuses);

struct TransportFeedback {
  TransportFeedbackHead head;
  std::size_t count = 0;  // statuses filled in the caller's span
};

// Fills `statuses`; empty when the packet is of another kind, malformed, or has more statuses than the span
// takes.
std::optional<TransportFeedback> read_transport_feedback(const RtcpPacketView& packet,
                                                         std::span<PacketStatus> statuses);

}  // namespace roomgate::sfu::rtp
