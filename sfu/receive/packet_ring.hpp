// The last second of one source layer, opened: what NACKs of all its receivers are answered from (shard rule
// 11). Owns the packets; one per source layer, on the sender's worker. Bounded by age, count and bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "sfu/rtp/packet_buffer.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::receive {

class PacketRing {
 public:
  struct Limits {
    std::size_t max_packets = 1024;  // rounded up to a power of two
    std::size_t max_bytes = 2'000'000;
    Duration max_age = seconds(1);
  };

  explicit PacketRing(Limits limits);
  PacketRing() : PacketRing(Limits{}) {}

  // Takes the packet; drops it when its number is in the ring already or too old for it.
  void insert(rtp::PacketHandle packet, std::uint16_t sequence, TimePoint now);
  // Null when unknown or older than max_age. Valid until the next insert, expire or clear.
  const rtp::PacketBuffer* find(std::uint16_t sequence, TimePoint now) const;
  // Frees what is over age; insert does it as well, so this is for sources that fell silent.
  void expire(TimePoint now);
  void clear();

  std::size_t packets() const { return packets_; }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Slot {
    rtp::PacketHandle packet;
    std::int64_t sequence = -1;
    TimePoint at{};
  };
  Slot& slot(std::int64_t sequence) { return slots_[static_cast<std::size_t>(sequence) & mask_]; }
  const Slot& slot(std::int64_t sequence) const { return slots_[static_cast<std::size_t>(sequence) & mask_]; }
  void release(Slot& slot);
  void release_oldest();

  Limits limits_;
  std::size_t mask_;
  std::vector<Slot> slots_;
  rtp::SequenceExtender extender_;
  std::int64_t oldest_ = 0;  // no packet below it
  std::size_t packets_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace roomgate::sfu::receive
