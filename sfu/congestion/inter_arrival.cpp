#include "sfu/congestion/inter_arrival.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {
namespace {

constexpr std::int64_t kGroup = 5'000;  // microseconds
constexpr std::int64_t kLongestBurst = 100'000;
constexpr unsigned kMaxBackwards = 3;

}  // namespace

void InterArrival::Group::begin(std::int64_t sent, std::int64_t arrived) {
  first_sent = last_sent = sent;
  first_arrived = last_arrived = arrived;
  begun = true;
}

bool InterArrival::belongs(std::int64_t sent, std::int64_t arrived) const {
  if (sent - current_.first_sent <= kGroup) return true;
  // Let go at once: it caught up with the one before it.
  const std::int64_t gap = arrived - current_.last_arrived;
  return gap <= kGroup && gap < sent - current_.last_sent && arrived - current_.first_arrived < kLongestBurst;
}

std::optional<GroupDelta> InterArrival::on_packet(std::int64_t sent, std::int64_t arrived) {
  if (!current_.begun) {
    current_.begin(sent, arrived);
    return std::nullopt;
  }
  if (sent < current_.first_sent) return std::nullopt;  // overtaken on the way, and told late
  if (belongs(sent, arrived)) {
    current_.last_sent = std::max(current_.last_sent, sent);
    current_.last_arrived = std::max(current_.last_arrived, arrived);
    return std::nullopt;
  }
  std::optional<GroupDelta> delta;
  if (previous_.begun) {
    const std::int64_t between = current_.last_arrived - previous_.last_arrived;
    if (between < 0) {
      // Once is reordering; again and again is a clock that was set back.
      if (++backwards_ >= kMaxBackwards) reset();
      current_.begin(sent, arrived);
      return std::nullopt;
    }
    backwards_ = 0;
    delta = GroupDelta{.sent = static_cast<double>(current_.last_sent - previous_.last_sent) / 1000,
                       .arrived = static_cast<double>(between) / 1000,
                       .at = static_cast<double>(current_.last_arrived) / 1000};
  }
  previous_ = current_;
  current_.begin(sent, arrived);
  return delta;
}

}  // namespace roomgate::sfu::congestion
