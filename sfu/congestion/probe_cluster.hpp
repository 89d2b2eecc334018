// One probe: packets that leave faster than the estimate for a moment, media first and padding for the rest,
// and what their arrivals say. The rate measured is the lower of the two at which they left and arrived, so
// it never exceeds what we sent. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/congestion/feedback_matcher.hpp"

namespace roomgate::sfu::congestion {

class ProbeCluster {
 public:
  static constexpr std::uint32_t kLeastBytes = 1500;  // at least five packets of padding
  static constexpr Duration kLeastLength = milliseconds(30);

  ProbeCluster() = default;
  ProbeCluster(std::uint8_t id, double rate, TimePoint now);

  std::uint8_t id() const { return id_; }
  double rate() const { return rate_; }
  TimePoint began() const { return began_; }
  TimePoint ends() const { return ends_; }

  // Bytes that should have left by now and have not. Bursts: the worker asks about every 10 ms.
  std::size_t due(TimePoint now) const;
  void on_sent(std::size_t bytes) { sent_bytes_ += bytes; }
  void on_arrival(const Arrival& arrival);
  // All or nearly all have arrived.
  bool complete() const { return arrivals_ >= kLeastArrivals && arrived_bytes_ >= sent_bytes_ / 10 * 9; }
  // Bit/s; empty when too few arrived to say.
  std::optional<double> measured() const;

 private:
  static constexpr unsigned kLeastArrivals = 4;

  std::uint8_t id_ = 0;
  double rate_ = 0;
  TimePoint began_{};
  TimePoint ends_{};
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t arrived_bytes_ = 0;
  unsigned arrivals_ = 0;
  // Of those that arrived. A burst that leaves at one instant ends the time of sending where it begins.
  std::int64_t first_sent_ = 0;
  std::int64_t last_sent_ = 0;
  std::uint64_t last_burst_ = 0;
  std::int64_t first_arrived_ = 0;
  std::int64_t last_arrived_ = 0;
  std::uint64_t first_bytes_ = 0;
};

}  // namespace roomgate::sfu::congestion
