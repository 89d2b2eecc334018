// Which packets of one incoming stream to ask its sender for again. Gaps below max_gap are asked for after a
// moment of patience with reordering, again after each round trip, ten times at most. One per source layer,
// on the endpoint's worker; no allocation after construction.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/clock.hpp"
#include "sfu/rtp/sequence.hpp"

namespace roomgate::sfu::receive {

class NackGenerator {
 public:
  struct Limits {
    std::int64_t max_gap = 100;   // a longer gap is an outage or a restart: a key frame repairs it, not NACKs
    std::uint8_t max_tries = 10;  // per packet
    std::int64_t max_age = 512;   // numbers behind the newest
    Duration reorder_tolerance = milliseconds(10);
    Duration min_retry = milliseconds(20);
    Duration max_retry = milliseconds(400);
  };

  explicit NackGenerator(Limits limits);
  NackGenerator() : NackGenerator(Limits{}) {}

  // Each media packet, and each one recovered by RTX. True when a gap too long to repair was seen: ask a key
  // frame.
  bool on_packet(std::uint16_t sequence, TimePoint now);
  void on_round_trip(Duration rtt);
  // Fills `out` with the numbers to ask for now, ascending; returns how many. Call every 10 to 20 ms and
  // after losses.
  std::size_t due(TimePoint now, std::span<std::uint16_t> out);
  // True once since the last call when a packet was given up after max_tries: a key frame is due.
  bool take_gave_up();

  bool idle() const { return count_ == 0; }
  std::size_t pending() const { return count_; }
  void reset();

 private:
  struct Missing {
    std::int64_t sequence = 0;
    TimePoint next;
    std::uint8_t tries = 0;
  };
  void forget_received(std::int64_t sequence);
  void drop_front(std::size_t count);

  static constexpr std::size_t kMaxPending = 256;

  Limits limits_;
  rtp::SequenceExtender extender_;
  std::array<Missing, kMaxPending> missing_;  // ascending
  std::size_t count_ = 0;
  Duration retry_;
  bool gave_up_ = false;
};

}  // namespace roomgate::sfu::receive
