#include "sfu/congestion/sent_packets.hpp"

#include <algorithm>
#include <limits>

#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::congestion {

void SentPackets::add(std::size_t bytes, std::uint8_t probe, TimePoint now) {
  if (ring_.empty()) {
    epoch_ = now;
    ring_.resize(limits_.first_records);
  }
  const std::int64_t at = clock(now);
  if (next_ - oldest_ == static_cast<std::int64_t>(ring_.size())) {
    const SentPacket& leaving = ring_[static_cast<std::size_t>(oldest_) & (ring_.size() - 1)];
    const auto age = microseconds(at - sent_at(leaving, at));
    if (leaving.fate == Fate::unknown && age < limits_.awaited && ring_.size() < limits_.max_records) {
      grow();
    } else {
      ++oldest_;
    }
  }
  constexpr std::size_t kMost = std::numeric_limits<std::uint16_t>::max();
  ring_[static_cast<std::size_t>(next_) & (ring_.size() - 1)] = {
      .sent = static_cast<std::uint32_t>(at),
      .bytes = static_cast<std::uint16_t>(std::min(bytes, kMost)),
      .probe = probe};
  ++next_;
}

SentPacket* SentPackets::find(std::uint16_t number) {
  if (next_ == oldest_) return nullptr;
  const std::int64_t extended = rtp::extend_sequence(next_ - 1, number);
  if (extended < oldest_ || extended >= next_) return nullptr;
  return &ring_[static_cast<std::size_t>(extended) & (ring_.size() - 1)];
}

std::int64_t SentPackets::clock(TimePoint now) const {
  return std::chrono::duration_cast<microseconds>(now - epoch_).count();
}

void SentPackets::grow() {
  std::vector<SentPacket> wider(ring_.size() * 2);
  for (std::int64_t number = oldest_; number < next_; ++number) {
    const auto at = static_cast<std::size_t>(number);
    wider[at & (wider.size() - 1)] = ring_[at & (ring_.size() - 1)];
  }
  ring_ = std::move(wider);
}

}  // namespace roomgate::sfu::congestion
