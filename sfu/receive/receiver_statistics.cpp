#include "sfu/receive/receiver_statistics.hpp"

#include <algorithm>
#include <cstdlib>

namespace roomgate::sfu::receive {
namespace {

// RFC 3550 A.1.
constexpr std::uint16_t kMaxDropout = 3000;
constexpr std::uint16_t kMaxMisorder = 100;
constexpr std::uint32_t kNoSuspect = 0x10000;

std::uint32_t ticks(TimePoint now, std::uint32_t clock_rate) {
  const auto us = std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count();
  return static_cast<std::uint32_t>(us / 1'000'000 * clock_rate + us % 1'000'000 * clock_rate / 1'000'000);
}

}  // namespace

void ReceiverStatistics::restart(std::uint16_t sequence) {
  extender_ = {};
  first_ = extender_.extend(sequence);
  suspect_ = kNoSuspect;
  received_ = 0;
  received_before_ = 0;
  expected_before_ = 0;
  has_transit_ = false;
  jitter_ = 0;
}

void ReceiverStatistics::on_packet(std::uint16_t sequence, std::uint32_t timestamp, std::size_t bytes,
                                   TimePoint now) {
  if (!extender_.started()) {
    restart(sequence);
  } else {
    const auto ahead = static_cast<std::uint16_t>(sequence - static_cast<std::uint16_t>(extender_.highest()));
    if (ahead >= kMaxDropout && ahead <= 0x10000 - kMaxMisorder) {
      if (sequence != suspect_) {
        suspect_ = static_cast<std::uint16_t>(sequence + 1);
        return;
      }
      restart(sequence);
    } else {
      extender_.extend(sequence);
    }
  }
  ++received_;
  bytes_ += bytes;

  // RFC 3550 A.8. A jump of the sender's clock by seconds is not jitter.
  const std::uint32_t transit = ticks(now, clock_rate_) - timestamp;
  if (has_transit_) {
    const std::int64_t difference = std::abs(std::int64_t{rtp::timestamp_distance(transit, transit_)});
    if (difference < std::int64_t{5} * clock_rate_) jitter_ += difference - ((jitter_ + 8) >> 4);
  }
  transit_ = transit;
  has_transit_ = true;
}

void ReceiverStatistics::on_sender_report(std::uint64_t ntp, TimePoint now) {
  last_sender_report_ = rtp::ntp_middle(ntp);
  sender_report_at_ = now;
}

std::optional<rtp::ReportBlock> ReceiverStatistics::report(TimePoint now) {
  if (!extender_.started()) return std::nullopt;
  rtp::ReportBlock block;
  block.ssrc = ssrc_;
  const std::int64_t expected = extender_.highest() - first_ + 1;
  const std::int64_t lost = expected - static_cast<std::int64_t>(received_);
  // Signed 24 bits, which clamp (RFC 3550 A.3); duplicates make it negative.
  block.cumulative_lost = static_cast<std::int32_t>(std::clamp<std::int64_t>(lost, -0x800000, 0x7fffff));
  const std::int64_t expected_now = expected - expected_before_;
  const std::int64_t lost_now = expected_now - static_cast<std::int64_t>(received_ - received_before_);
  expected_before_ = expected;
  received_before_ = received_;
  if (expected_now > 0 && lost_now > 0) {
    block.fraction_lost =
        static_cast<std::uint8_t>(std::min<std::int64_t>(255, lost_now * 256 / expected_now));
  }
  block.highest_sequence = static_cast<std::uint32_t>(extender_.highest() - 0x10000);
  block.jitter = static_cast<std::uint32_t>(jitter_ >> 4);
  if (last_sender_report_ != 0) {
    block.last_sender_report = last_sender_report_;
    const auto us = std::chrono::duration_cast<microseconds>(now - sender_report_at_).count();
    block.delay_since_sender_report = static_cast<std::uint32_t>(us * 65536 / 1'000'000);
  }
  return block;
}

std::optional<Duration> round_trip(const rtp::ReportBlock& block, std::uint32_t now_middle) {
  if (block.last_sender_report == 0) return std::nullopt;
  const std::uint32_t units = now_middle - block.last_sender_report - block.delay_since_sender_report;
  // Above half a minute it wrapped, or the peer's numbers are not true.
  if (units > 30u * 65536u) return std::nullopt;
  return std::chrono::duration_cast<Duration>(microseconds(std::int64_t{units} * 1'000'000 / 65536));
}

}  // namespace roomgate::sfu::receive
