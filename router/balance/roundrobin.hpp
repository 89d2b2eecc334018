// Smooth weighted round-robin: at any moment each shard of a set has had its share of the set's rooms, to
// less than one room. Each set of eligible shards has a turn of its own, so that a drain and its end do not
// make one shard take two rooms in a row; a turn goes on while weights, loads and slow starts change.
//
// How: a shard that gets one room in five is due its first among rooms 0 to 5, its second among 5 to 10, and
// so on, the time being the rooms of the turn so far. Of those whose span has begun, whoever's ends first is
// served. (Serving the richest, as is usual, lets many small shards wait for more than a room.)
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
  // When a shard is due its next room.
  struct Due {
    double begin = 0;
    double end = 0;
    std::uint32_t rank = 0;   // wins among equals
    std::uint32_t place = 0;  // in the set
  };
  // Ends are computed from these each time, not summed up: equal ones must be equal.
  struct Share {
    double weight = 1;
    double base = 0;    // where its first span begins
    double served = 0;  // rooms since
  };
  struct Turn {
    std::vector<Due> waiting;   // a heap: the first to begin on top
    std::vector<Due> ready;     // a heap: the first to end on top
    std::vector<Share> shares;  // by place
    double total = 1;           // of their weights
    double time = 0;            // rooms so far
    std::uint64_t weights = 0;  // what the shares are made of,
    TimePoint valid_until{};    // and for how long, while some are in slow start
    std::uint64_t last_used = 0;

    double end_of(const Share& share) const { return share.base + (share.served + 1) * total / share.weight; }
  };

  static bool ends_later(const Due& a, const Due& b);
  static bool begins_later(const Due& a, const Due& b) { return a.begin > b.begin; }
  Turn& turn_of(const Choice& choice);
  static void weigh(Turn& turn, const Choice& choice);

  RoundRobinLimits limits_;
  std::mutex mutex_;
  std::uint64_t made_;                             // choices
  std::unordered_map<std::uint64_t, Turn> turns_;  // by the set's number
};

}  // namespace roomgate::router::balance
