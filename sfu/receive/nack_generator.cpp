#include "sfu/receive/nack_generator.hpp"

#include <algorithm>
#include <utility>

namespace roomgate::sfu::receive {
namespace {

// RFC 3550 A.1's dropout: so far back is another stream under the same SSRC, not a late packet.
constexpr std::int64_t kRestartDistance = 3000;

}  // namespace

NackGenerator::NackGenerator(Limits limits) : limits_(limits), retry_(milliseconds(100)) {}

bool NackGenerator::on_packet(std::uint16_t sequence, TimePoint now) {
  if (!extender_.started()) {
    extender_.extend(sequence);
    return false;
  }
  const std::int64_t before = extender_.highest();
  const std::int64_t current = extender_.extend(sequence);
  if (current <= before) {
    if (before - current > kRestartDistance) {
      reset();
      extender_.extend(sequence);
    } else {
      forget_received(current);
    }
    return false;
  }
  const std::int64_t gap = current - before - 1;
  if (gap >= limits_.max_gap) {
    count_ = 0;
    return true;
  }
  const std::size_t too_old = static_cast<std::size_t>(
      std::find_if(missing_.begin(), missing_.begin() + static_cast<std::ptrdiff_t>(count_),
                   [&](const Missing& m) { return m.sequence >= current - limits_.max_age; }) -
      missing_.begin());
  if (too_old > 0) drop_front(too_old);
  if (count_ + static_cast<std::size_t>(gap) > kMaxPending) {
    drop_front(std::min(count_, count_ + static_cast<std::size_t>(gap) - kMaxPending));
    gave_up_ = true;
  }
  for (std::int64_t lost = before + 1; lost < current && count_ < kMaxPending; ++lost) {
    missing_[count_++] = Missing{lost, now + limits_.reorder_tolerance, 0};
  }
  return false;
}

void NackGenerator::on_round_trip(Duration rtt) {
  // A little more than the round trip, or each answer would cross our next question.
  retry_ = std::clamp<Duration>(rtt + rtt / 4, limits_.min_retry, limits_.max_retry);
}

std::size_t NackGenerator::due(TimePoint now, std::span<std::uint16_t> out) {
  std::size_t asked = 0;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    Missing& missing = missing_[i];
    if (missing.next <= now) {
      if (missing.tries >= limits_.max_tries) {
        gave_up_ = true;
        continue;
      }
      if (asked < out.size()) {
        out[asked++] = static_cast<std::uint16_t>(missing.sequence);
        ++missing.tries;
        missing.next = now + retry_;
      }
    }
    if (kept != i) missing_[kept] = missing;
    ++kept;
  }
  count_ = kept;
  return asked;
}

bool NackGenerator::take_gave_up() { return std::exchange(gave_up_, false); }

void NackGenerator::reset() {
  extender_ = {};
  count_ = 0;
  gave_up_ = false;
}

void NackGenerator::forget_received(std::int64_t sequence) {
  const auto end = missing_.begin() + static_cast<std::ptrdiff_t>(count_);
  const auto at = std::lower_bound(missing_.begin(), end, sequence,
                                   [](const Missing& m, std::int64_t wanted) { return m.sequence < wanted; });
  if (at == end || at->sequence != sequence) return;
  std::move(at + 1, end, at);
  --count_;
}

void NackGenerator::drop_front(std::size_t count) {
  std::move(missing_.begin() + static_cast<std::ptrdiff_t>(count),
            missing_.begin() + static_cast<std::ptrdiff_t>(count_), missing_.begin());
  count_ -= count;
}

}  // namespace roomgate::sfu::receive
