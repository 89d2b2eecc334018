// Where a new room goes. Extension point: a policy is one file and one line in make_policy. Called once per
// new room, from any thread, under a lock of the stick table (a policy with memory locks itself, shortly).
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "router/balance/eligible.hpp"

namespace roomgate::router::balance {

struct Choice {
  const Eligible& eligible;
  std::string_view key;
  const RoomsOn& rooms_on;
  TimePoint now{};
  Duration slow_start{0};
};

// Percent of its weight that a shard gets `now`: from a tenth, when it came up, to all of it after
// `slow_start`.
std::uint32_t ramp_percent(const Candidate& shard, TimePoint now, Duration slow_start);

// What the shards of a choice weigh. Whole numbers, so that equal shards are equal.
class Weights {
 public:
  explicit Weights(const Choice& choice);
  double operator()(const Candidate& shard) const {
    return static_cast<double>(shard.weight) * (ramping_ ? percent(shard) : 100);
  }
  double percent(const Candidate& shard) const { return ramp_percent(shard, now_, slow_start_); }
  bool ramping() const { return ramping_; }  // some are

 private:
  TimePoint now_;
  Duration slow_start_;
  bool ramping_;
};

class Policy {
 public:
  virtual ~Policy() = default;
  virtual std::optional<ShardId> choose(const Choice& choice) = 0;
  virtual std::string_view name() const = 0;
};

// "roundrobin", "leastrooms", "leastload", "hash"; nullptr for other names.
std::unique_ptr<Policy> make_policy(std::string_view name);

}  // namespace roomgate::router::balance
