// The RTX stream towards one receiver for one of its sources: own sequence numbers, and a bound on what is
// re-sent per round trip, so that a flood of NACKs costs its sender and not the link (shard rule 11), and
// that a path which has become thin is not filled with what it lost. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace roomgate::sfu::send {

class RtxSender {
 public:
  struct Limits {
    std::size_t max_bytes_per_round_trip = 60'000;
    std::size_t least_bytes_per_round_trip = 3'000;  // however thin the path is said to be
    double share = 0.5;                              // of what the path carries in a round trip
    Duration min_round_trip = milliseconds(50);
    Duration max_round_trip = milliseconds(500);
  };

  RtxSender(std::uint32_t ssrc, std::uint16_t first_sequence, Limits limits);
  RtxSender(std::uint32_t ssrc, std::uint16_t first_sequence) : RtxSender(ssrc, first_sequence, Limits{}) {}

  std::uint32_t ssrc() const { return ssrc_; }
  void on_round_trip(Duration rtt);
  // Bit/s that the path carries; empty: not known.
  void on_estimate(std::optional<double> bitrate) { estimate_ = bitrate; }
  // The sequence number of the next RTX packet of `bytes`; empty when this round trip's bytes are spent.
  std::optional<std::uint16_t> next(std::size_t bytes, TimePoint now);
  // For padding, whose bounds are the prober's.
  std::uint16_t next_padding() { return next_++; }
  std::uint64_t refused() const { return refused_; }

 private:
  std::size_t most() const;

  std::uint32_t ssrc_;
  std::uint16_t next_;
  Limits limits_;
  Duration round_trip_;
  std::optional<double> estimate_;
  TimePoint window_{};
  std::size_t spent_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace roomgate::sfu::send
