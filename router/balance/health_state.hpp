// Is a shard up? Counts the outcomes of its checks: no socket, no clock. One per shard, on the thread that
// checks it.
//
//   state  good                          soft failure, or failure
//   up     stays                         soft, or down if that is enough already
//   soft   up after `rise` in a row      down after `fall` in a row, a soft failure counting half
//   down   up after `rise` in a row      stays
//
// Soft is the time before down: new rooms go elsewhere while rooms that are there stay. A moved room is a
// meeting torn out of its shard, a new room elsewhere costs nothing, so the first needs far less doubt.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::router::balance {

enum class Outcome : std::uint8_t {
  good,
  soft,    // silence, which may be the network's, or 503: it asks for patience
  failed,  // nobody listens, or the answer is bad
};

enum class Health : std::uint8_t { up, soft, down };
std::string_view to_text(Health health);

struct HealthSettings {
  std::uint32_t rise = 2;
  std::uint32_t fall = 3;
  Duration interval = seconds(3);
  Duration interval_fast = milliseconds(500);  // while a state is changing
  friend bool operator==(const HealthSettings&, const HealthSettings&) = default;
};

class HealthState {
 public:
  // Up from the start.
  explicit HealthState(HealthSettings settings) : settings_(settings) {}

  // What is counted stays; the new bounds apply from the next outcome on.
  void set(HealthSettings settings) { settings_ = settings; }

  // True: the state changed.
  bool observe(Outcome outcome, TimePoint now);

  Health state() const { return state_; }
  bool up() const { return state_ != Health::down; }
  // Since when it is up or down; soft is up.
  TimePoint changed_at() const { return changed_at_; }
  // Some outcomes speak against the state, or it is the one in between.
  bool changing() const { return state_ == Health::soft || good_ > 0; }
  Duration next_interval() const { return changing() ? settings_.interval_fast : settings_.interval; }

 private:
  bool become(Health next, TimePoint now);
  bool fail(Outcome outcome, TimePoint now);

  HealthSettings settings_;
  Health state_ = Health::up;
  std::uint32_t good_ = 0;           // in a row, while not up
  std::uint32_t half_failures_ = 0;  // in a row, while not down
  TimePoint changed_at_{};
};

}  // namespace roomgate::router::balance
