#include "bench/roomload/media/nack_list.hpp"

#include <algorithm>

namespace roomgate::bench::roomload::media {

bool NackList::on_gap(std::int64_t first, std::int64_t last) {
  forget_before(last - kMaxAge);
  const auto count = static_cast<std::size_t>(last - first + 1);
  if (missing_.size() + count > kMaxMissing) {
    clear();
    return true;
  }
  const std::int64_t wait = patience();
  for (std::int64_t number = first; number <= last; ++number)
    missing_.push_back({number, number + wait, {}, 0});
  unasked_ += count;
  return false;
}

bool NackList::on_late(std::int64_t number, std::int64_t newest, bool repaired) {
  const auto at = std::lower_bound(missing_.begin(), missing_.end(), number,
                                   [](const Missing& m, std::int64_t wanted) { return m.number < wanted; });
  if (!repaired) {
    // How far it was overtaken.
    const auto bin = static_cast<std::uint8_t>(std::min<std::int64_t>(newest - number, kReorderings - 1));
    std::uint8_t& slot = seen_[seen_count_ % kMaxSeen];
    if (seen_count_ >= kMaxSeen) --reordered_[slot];
    slot = bin;
    ++reordered_[bin];
    ++seen_count_;
  }
  if (at == missing_.end() || at->number != number) return false;
  const bool asked = at->tries > 0;
  if (!asked) --unasked_;
  missing_.erase(at);
  return asked;
}

std::int64_t NackList::patience() const {
  const std::size_t count = std::min(seen_count_, kMaxSeen);
  std::size_t sum = 0;
  std::int64_t bin = 0;
  // Half of what was reordered has come by then.
  for (std::size_t i = 0; i < kReorderings && 2 * sum < count; ++i, ++bin) sum += reordered_[i];
  return bin;
}

std::size_t NackList::due_by_number(std::int64_t newest, TimePoint now, std::span<std::uint16_t> out) {
  if (unasked_ == 0) return 0;
  std::size_t count = 0;
  for (Missing& missing : missing_) {
    if (missing.tries > 0 || missing.ask_at > newest) continue;
    if (count == out.size()) break;
    out[count++] = static_cast<std::uint16_t>(missing.number);
    missing.tries = 1;
    missing.asked = now;
    --unasked_;
  }
  return count;
}

std::size_t NackList::due_by_time(TimePoint now, std::span<std::uint16_t> out) {
  std::size_t count = 0;
  for (auto at = missing_.begin(); at != missing_.end();) {
    Missing& missing = *at;
    // Those whose turn by number has not come wait no longer than a round trip either.
    if (now - missing.asked < kRoundTrip || count == out.size()) {
      ++at;
      continue;
    }
    if (missing.tries >= kMaxTries) {
      at = missing_.erase(at);
      continue;
    }
    out[count++] = static_cast<std::uint16_t>(missing.number);
    if (missing.tries++ == 0) --unasked_;
    missing.asked = now;
    ++at;
  }
  return count;
}

void NackList::forget_before(std::int64_t number) {
  while (!missing_.empty() && missing_.front().number < number) {
    if (missing_.front().tries == 0) --unasked_;
    missing_.pop_front();
  }
}

}  // namespace roomgate::bench::roomload::media
