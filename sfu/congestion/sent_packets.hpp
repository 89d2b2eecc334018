// What left towards one receiver, by transport-wide number, until its feedback comes: a ring of 8-byte
// records. It begins small and doubles while packets that are still unanswered would be overwritten, so an
// idle receiver costs half a kilobyte and nothing is allocated per packet. On the receiver's worker.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::sfu::congestion {

enum class Fate : std::uint8_t { unknown, arrived, lost };

struct SentPacket {
  std::uint32_t sent = 0;  // microseconds on the ring's own clock, wraps
  std::uint16_t bytes = 0;
  std::uint8_t probe = 0;  // the cluster it belongs to; 0: none
  Fate fate = Fate::unknown;
};
static_assert(sizeof(SentPacket) == 8);

class SentPackets {
 public:
  struct Limits {
    std::size_t first_records = 64;  // powers of two
    std::size_t max_records = 4096;  // far below 2^15, beyond which a number is ambiguous
    Duration awaited = seconds(2);   // an older packet gets no feedback any more
  };

  explicit SentPackets(Limits limits) : limits_(limits) {}
  SentPackets() : SentPackets(Limits{}) {}

  // The number the next packet goes by.
  std::uint16_t next() const { return static_cast<std::uint16_t>(next_); }
  // That packet left. `bytes` as on the wire.
  void add(std::size_t bytes, std::uint8_t probe, TimePoint now);
  // Null: never sent, or so long ago that its record is gone.
  SentPacket* find(std::uint16_t number);

  // This ring's clock at `now`, and when a packet of at most an hour ago left on it. In microseconds.
  std::int64_t clock(TimePoint now) const;
  static std::int64_t sent_at(const SentPacket& packet, std::int64_t clock_now) {
    return clock_now - static_cast<std::uint32_t>(static_cast<std::uint32_t>(clock_now) - packet.sent);
  }

  std::size_t records() const { return ring_.size(); }

 private:
  void grow();

  Limits limits_;
  std::vector<SentPacket> ring_;  // a power of two; empty before the first packet
  std::int64_t next_ = 0;         // without wraps
  std::int64_t oldest_ = 0;       // no record below it
  TimePoint epoch_{};
};

}  // namespace roomgate::sfu::congestion
