// Is a shard up? rise and fall over the outcomes of checks: no socket, no clock. One per shard, on the thread
// that checks it. States: up --(fall failures in a row)--> down --(rise successes in a row)--> up.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::router::balance {

struct HealthSettings {
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  Duration interval = seconds(3);
  Duration interval_fast = milliseconds(500);  // while a state is changing
};

class HealthState {
 public:
  // Up from the start, until `fall` checks failed.
  explicit HealthState(HealthSettings settings) : settings_(settings) {}

  // True: up() changed.
  bool observe(bool ok, TimePoint now);

  bool up() const { return up_; }
  TimePoint changed_at() const { return changed_at_; }
  // Some outcomes speak against the state, not yet enough.
  bool changing() const { return against_ > 0; }
  Duration next_interval() const { return changing() ? settings_.interval_fast : settings_.interval; }

 private:
  HealthSettings settings_;
  bool up_ = true;
  std::uint32_t against_ = 0;
  TimePoint changed_at_{};
};

}  // namespace roomgate::router::balance
