// Smooth weighted round-robin: at any moment each shard of a set has had its share of the set's rooms, to
// less than one room. Each set of eligible shards has a turn of its own, so that a drain and its end do not
// make one shard take two rooms in a row; a turn goes on while weights, loads and slow starts change.
//
// How: a shard earns its weight with every room and pays the sum of all weights for one of its own. Of those
// that have earned anything, whoever would be owed a whole room first is served. (Serving the richest, as is
// usual, lets many small shards wait for more than a room.)
#pragma once

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

struct RoundRobinLimits {
  std::size_t max_sets = 64;  // then the turn that was longest unused begins anew
};

class RoundRobin final : public Policy {
 public:
  // `first`: where the first turn begins, so that several front doors do not all begin with the same shard.
  explicit RoundRobin(RoundRobinLimits limits = {}, std::uint64_t first = 0)
      : limits_(limits), made_(first) {}
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "roundrobin"; }

 private:
  struct Turn {
    std::vector<double> credit;  // by place in the set; whole numbers but after a change of weights
    double total = 0;            // of the weights that `credit` is in
    std::size_t first = 0;       // wins among equals
    std::uint64_t last_used = 0;
  };

  Turn& turn_of(const Eligible& eligible);

  RoundRobinLimits limits_;
  std::mutex mutex_;
  std::uint64_t made_;                             // choices
  std::unordered_map<std::uint64_t, Turn> turns_;  // by the set's number
};

}  // namespace roomgate::router::balance
