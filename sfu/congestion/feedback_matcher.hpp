// Transport-wide feedback held against what was sent: each packet's fate is learnt once, and numbers that
// never left or are forgotten count for nothing. The receiver's clock is only ever compared with itself;
// where it jumps against ours, the caller begins its comparisons anew. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sfu/congestion/sent_packets.hpp"
#include "sfu/rtp/transport_feedback.hpp"

namespace roomgate::sfu::congestion {

// A packet that arrived. Each time in microseconds on a clock of its own: ours, and the receiver's.
struct Arrival {
  std::int64_t sent = 0;
  std::int64_t arrived = 0;
  std::uint32_t bytes = 0;
  std::uint8_t probe = 0;
};

struct FeedbackSummary {
  unsigned arrived = 0;
  unsigned lost = 0;
  unsigned found_later = 0;  // said to be lost before: came late
  unsigned unknown = 0;      // numbers that were never sent, are forgotten or were answered already
  std::optional<Duration> round_trip;
};

class FeedbackMatcher {
 public:
  // True when the receiver's clock is not where the time since its last feedback puts it.
  bool set_reference(std::uint32_t reference_time, TimePoint now);

  // After set_reference(). Calls `each(const Arrival&)` in the order of the numbers.
  template <class F>
  FeedbackSummary match(SentPackets& sent, const rtp::TransportFeedbackHead& head,
                        std::span<const rtp::PacketStatus> statuses, TimePoint now, F&& each) const {
    FeedbackSummary summary;
    const std::int64_t clock = sent.clock(now);
    std::int64_t arrived = reference_;
    std::int64_t newest_sent = 0;
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      if (statuses[i].received) arrived += statuses[i].delta * rtp::kDeltaMicroseconds;
      SentPacket* packet = sent.find(static_cast<std::uint16_t>(head.base_sequence + i));
      if (packet == nullptr || packet->fate == Fate::arrived) {
        ++summary.unknown;
        continue;
      }
      if (!statuses[i].received) {
        if (packet->fate == Fate::unknown) ++summary.lost;
        packet->fate = Fate::lost;
        continue;
      }
      if (packet->fate == Fate::lost) ++summary.found_later;
      packet->fate = Fate::arrived;
      ++summary.arrived;
      const Arrival arrival{SentPackets::sent_at(*packet, clock), arrived, packet->bytes, packet->probe};
      if (summary.arrived == 1 || arrival.sent >= newest_sent) newest_sent = arrival.sent;
      each(arrival);
    }
    // What the newest packet waited at the receiver is not told; feedback leaves soon after it.
    if (summary.arrived > 0) summary.round_trip = microseconds(clock - newest_sent);
    return summary;
  }

 private:
  std::int64_t reference_ = 0;  // microseconds, without wraps
  std::optional<TimePoint> last_;
};

}  // namespace roomgate::sfu::congestion
