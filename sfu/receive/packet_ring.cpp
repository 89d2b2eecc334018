#include "sfu/receive/packet_ring.hpp"

#include <algorithm>
#include <bit>

namespace roomgate::sfu::receive {
namespace {

constexpr std::int64_t kRestartDistance = 3000;  // RFC 3550 A.1

}  // namespace

PacketRing::PacketRing(Limits limits)
    : limits_(limits),
      mask_(std::bit_ceil(std::max<std::size_t>(limits.max_packets, 1)) - 1),
      slots_(mask_ + 1) {}

void PacketRing::insert(rtp::PacketHandle packet, std::uint16_t sequence, TimePoint now) {
  if (!packet) return;
  const auto reach = static_cast<std::int64_t>(slots_.size());
  const bool first = !extender_.started();
  const std::int64_t before = extender_.highest();
  std::int64_t number = extender_.extend(sequence);
  if (first) {
    oldest_ = number;
  } else if (number <= before - reach) {
    if (before - number <= kRestartDistance) return;
    // The sender began anew: its old packets are of no use, and the new ones must count as newest.
    clear();
    extender_ = {};
    number = extender_.extend(sequence);
    oldest_ = number;
  } else if (number >= before + reach) {
    clear();
    oldest_ = number;
  }
  while (oldest_ <= extender_.highest() - reach) release_oldest();
  expire(now);
  while (packets_ > 0 && bytes_ + sizeof(rtp::PacketBuffer) > limits_.max_bytes) release_oldest();

  Slot& place = slot(number);
  if (place.packet) return;  // every older tenant was released above, so this is the same number
  place.packet = std::move(packet);
  place.sequence = number;
  place.at = now;
  oldest_ = std::min(oldest_, number);
  ++packets_;
  bytes_ += sizeof(rtp::PacketBuffer);
}

const rtp::PacketBuffer* PacketRing::find(std::uint16_t sequence, TimePoint now) const {
  if (!extender_.started()) return nullptr;
  const std::int64_t number = rtp::extend_sequence(extender_.highest(), sequence);
  const Slot& place = slot(number);
  if (!place.packet || place.sequence != number || now - place.at > limits_.max_age) return nullptr;
  return place.packet.get();
}

void PacketRing::expire(TimePoint now) {
  while (packets_ > 0) {
    const Slot& place = slot(oldest_);
    if (place.packet && place.sequence == oldest_ && now - place.at <= limits_.max_age) break;
    release_oldest();
  }
}

void PacketRing::clear() {
  for (Slot& place : slots_) release(place);
}

void PacketRing::release(Slot& place) {
  if (!place.packet) return;
  place.packet.reset();
  --packets_;
  bytes_ -= sizeof(rtp::PacketBuffer);
}

void PacketRing::release_oldest() {
  Slot& place = slot(oldest_);
  if (place.sequence == oldest_) release(place);
  ++oldest_;
}

}  // namespace roomgate::sfu::receive
