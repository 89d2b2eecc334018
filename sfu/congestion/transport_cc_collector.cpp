#include "sfu/congestion/transport_cc_collector.hpp"

#include <algorithm>
#include <limits>

#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::congestion {

void TransportCcCollector::on_packet(std::uint16_t sequence, TimePoint arrival) {
  if (!started_) {
    started_ = true;
    highest_ = 0x10000 + std::int64_t{sequence};
    reported_ = highest_;
    epoch_ = arrival;
    last_built_ = arrival;
  } else {
    const std::int64_t number = rtp::extend_sequence(highest_, sequence);
    const auto window = static_cast<std::int64_t>(kWindow);
    if (number - highest_ >= window || highest_ - number >= window) {
      // An outage or a new counter: what was collected can not be told together with this.
      received_.reset();
      unreported_ = 0;
      highest_ = number;
      reported_ = number;
    } else if (number > highest_) {
      for (std::int64_t lost = highest_ + 1; lost <= number; ++lost) received_.reset(index(lost));
      highest_ = number;
      reported_ = std::max(reported_, highest_ - window + 1);
    } else {
      if (has(number)) return;
      // Told as missing before: tell again, from here on.
      reported_ = std::min(reported_, number);
    }
  }
  const std::int64_t number = rtp::extend_sequence(highest_, sequence);
  received_.set(index(number));
  arrival_[index(number)] = static_cast<std::uint32_t>(
      std::chrono::duration_cast<microseconds>(arrival - epoch_).count() / rtp::kDeltaMicroseconds);
  ++unreported_;
}

bool TransportCcCollector::due(TimePoint now) const {
  if (unreported_ == 0) return false;
  const Duration since = now - last_built_;
  return since >= limits_.max_interval ||
         (since >= limits_.min_interval && unreported_ >= limits_.early_after);
}

std::size_t TransportCcCollector::build(std::uint32_t sender_ssrc, std::uint32_t media_ssrc, TimePoint now,
                                        ByteSpan out) {
  if (unreported_ == 0 || reported_ > highest_) return 0;
  std::int64_t first = reported_;
  while (!has(first)) ++first;  // ends: highest_ is received
  // After so many losses in a row the older ones are not worth a packet of their own.
  const std::int64_t base = std::max(reported_, first - static_cast<std::int64_t>(rtp::kMaxStatuses / 2));

  const auto reference = static_cast<std::uint32_t>(arrival_[index(first)] / rtp::kTicksPerReference);
  std::uint32_t previous = reference * static_cast<std::uint32_t>(rtp::kTicksPerReference);
  std::size_t count = 0;
  std::size_t used = 0;  // up to and with the last received
  for (std::int64_t number = base; number <= highest_ && count < statuses_.size(); ++number) {
    rtp::PacketStatus status;
    if (has(number)) {
      const std::int32_t delta = rtp::timestamp_distance(arrival_[index(number)], previous);
      if (delta < std::numeric_limits<std::int16_t>::min() ||
          delta > std::numeric_limits<std::int16_t>::max()) {
        break;  // 8 s apart: a packet of its own, with a reference of its own
      }
      status = {true, static_cast<std::int16_t>(delta)};
      previous = arrival_[index(number)];
      used = count + 1;
    }
    statuses_[count++] = status;
  }
  ByteWriter writer(out);
  const rtp::TransportFeedbackHead head{.sender_ssrc = sender_ssrc,
                                        .media_ssrc = media_ssrc,
                                        .base_sequence = static_cast<std::uint16_t>(base),
                                        .reference_time = reference & 0xffffff,
                                        .feedback_count = feedback_count_};
  if (!rtp::write_transport_feedback(writer, head, std::span(statuses_).first(used))) return 0;
  ++feedback_count_;
  reported_ = base + static_cast<std::int64_t>(used);
  if (reported_ > highest_) unreported_ = 0;
  last_built_ = now;
  return writer.position();
}

}  // namespace roomgate::sfu::congestion
