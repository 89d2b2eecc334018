// The rate at which a receiver got what we sent. Measured over the longer of two spans, that of sending and
// that of arriving: a receiver that claims that all came at once thereby never seems faster than we sent.
// O(1) per packet. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/congestion/feedback_matcher.hpp"

namespace roomgate::sfu::congestion {

class AcknowledgedRate {
 public:
  // `congested`: the path shows signs of it, so that much less than before is news of the path, not of what
  // was sent.
  void on_arrival(const Arrival& arrival, bool congested);
  // Bit/s; empty before the first whole window.
  std::optional<double> rate() const { return rate_; }
  void reset() { *this = AcknowledgedRate(); }
  // The clock of the arrivals jumped: the rate stands, the window begins anew.
  void restart_window() { begun_ = false; }

 private:
  bool begun_ = false;
  std::int64_t first_sent_ = 0;
  std::int64_t first_arrived_ = 0;
  std::uint64_t bytes_ = 0;
  std::optional<double> rate_;
};

}  // namespace roomgate::sfu::congestion
