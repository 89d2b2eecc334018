#include "bench/roomload/media/arrival_log.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "sfu/rtp/transport_feedback.hpp"

namespace roomgate::bench::roomload::media {
namespace {

namespace rtp = sfu::rtp;

constexpr Duration kInterval = milliseconds(100);
constexpr Duration kShortInterval = milliseconds(50);
constexpr std::int64_t kReferenceMask = 0xffffff;

}  // namespace

ArrivalLog::ArrivalLog() { arrivals_.reserve(64); }

void ArrivalLog::on_packet(std::uint16_t number, TimePoint arrival) {
  if (arrivals_.size() >= kMaxArrivals) {
    ++overflowed_;
    return;
  }
  const std::int64_t extended = extender_.extend(number);
  if (!arrivals_.empty() && extended < arrivals_.back().number) sorted_ = false;
  const auto us = std::chrono::duration_cast<microseconds>(arrival.time_since_epoch()).count();
  arrivals_.push_back({extended, us / rtp::kDeltaMicroseconds});
}

TimePoint ArrivalLog::due() const {
  if (arrivals_.empty()) return TimePoint::max();
  return last_built_ + (arrivals_.size() >= kManyArrivals ? kShortInterval : kInterval);
}

std::size_t ArrivalLog::build(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, TimePoint now,
                              ByteSpan out) {
  if (told_ == arrivals_.size()) {
    arrivals_.clear();
    told_ = 0;
    return 0;
  }
  last_built_ = now;
  if (!sorted_) {
    const auto begin = arrivals_.begin() + static_cast<std::ptrdiff_t>(told_);
    std::stable_sort(begin, arrivals_.end(),
                     [](const Arrival& a, const Arrival& b) { return a.number < b.number; });
    sorted_ = true;
  }

  std::array<rtp::PacketStatus, rtp::kMaxStatuses> statuses;
  const Arrival& first = arrivals_[told_];
  // The losses before it are told with it. One that comes behind an earlier feedback has a packet of its own,
  // or its neighbours would be told as lost.
  const bool late = next_expected_ >= 0 && first.number < next_expected_;
  std::int64_t base = first.number;
  if (!late && next_expected_ >= 0)
    base = std::max(next_expected_, first.number - static_cast<std::int64_t>(rtp::kMaxStatuses / 2));
  const std::int64_t reference = first.ticks / rtp::kTicksPerReference;
  std::int64_t previous = reference * rtp::kTicksPerReference;
  std::size_t count = 0;
  while (told_ < arrivals_.size()) {
    const Arrival& arrival = arrivals_[told_];
    const auto index = static_cast<std::size_t>(arrival.number - base);
    const std::int64_t delta = arrival.ticks - previous;
    if (index >= statuses.size() || delta < std::numeric_limits<std::int16_t>::min() ||
        delta > std::numeric_limits<std::int16_t>::max()) {
      break;
    }
    if (late && count > 0 && index > 0) break;
    ++told_;
    if (index < count) continue;  // a duplicate
    while (count < index) statuses[count++] = {};
    statuses[count++] = {true, static_cast<std::int16_t>(delta)};
    previous = arrival.ticks;
  }
  next_expected_ = std::max(next_expected_, base + static_cast<std::int64_t>(count));

  ByteWriter writer(out);
  const rtp::TransportFeedbackHead head{
      .sender_ssrc = sender_ssrc,
      .media_ssrc = media_ssrc,
      .base_sequence = static_cast<std::uint16_t>(base),
      .reference_time = static_cast<std::uint32_t>(reference & kReferenceMask),
      .feedback_count = feedback_count_};
  if (!rtp::write_transport_feedback(writer, head, std::span(statuses).first(count))) return 0;
  ++feedback_count_;
  return writer.position();
}

}  // namespace roomgate::bench::roomload::media
