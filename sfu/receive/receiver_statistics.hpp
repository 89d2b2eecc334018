// What we tell a sender about one of its streams in receiver reports (RFC 3550 6.4.1, A.1, A.3, A.8): loss,
// jitter, and the echo of its last sender report. One per incoming SSRC, on the endpoint's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::receive {

class ReceiverStatistics {
 public:
  ReceiverStatistics(std::uint32_t ssrc, std::uint32_t clock_rate) : ssrc_(ssrc), clock_rate_(clock_rate) {}

  // Media packets as they arrive; packets recovered by RTX are not counted, as loss is about the path.
  void on_packet(std::uint16_t sequence, std::uint32_t timestamp, std::size_t bytes, TimePoint now);
  void on_sender_report(std::uint64_t ntp, TimePoint now);

  // The block of the next report, and the start of a new interval. Empty before the first packet.
  std::optional<rtp::ReportBlock> report(TimePoint now);

  std::uint64_t packets() const { return received_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  void restart(std::uint16_t sequence);

  std::uint32_t ssrc_;
  std::uint32_t clock_rate_;
  rtp::SequenceExtender extender_;
  std::int64_t first_ = 0;
  std::uint32_t suspect_ =
      0x10000;                  // the number after a wild jump: two in a row are a restart (RFC 3550 A.1)
  std::uint64_t received_ = 0;  // since (re)start
  std::uint64_t bytes_ = 0;
  std::int64_t expected_before_ = 0;
  std::uint64_t received_before_ = 0;
  bool has_transit_ = false;
  std::uint32_t transit_ = 0;
  std::int64_t jitter_ = 0;  // times 16
  std::uint32_t last_sender_report_ = 0;
  TimePoint sender_report_at_{};
};

// Round trip from a report block that a peer sent about a stream of ours (RFC 3550 6.4.1), `now_middle` being
// our NTP clock's middle bits at arrival. Empty when it echoes none, or is absurd.
std::optional<Duration> round_trip(const rtp::ReportBlock& block, std::uint32_t now_middle);

}  // namespace roomgate::sfu::receive
