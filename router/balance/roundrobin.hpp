// Smooth weighted round-robin: each set of eligible shards has a turn of its own, so that a drain and its end
// do not make one shard take two rooms in a row more often than its weight says.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

struct RoundRobinLimits {
  std::size_t max_sets = 64;  // then all turns begin anew
};

class RoundRobin final : public Policy {
 public:
  explicit RoundRobin(RoundRobinLimits limits = {}) : limits_(limits) {}
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "roundrobin"; }

 private:
  using Set = std::vector<std::pair<ShardId, std::uint32_t>>;  // ids and weights

  RoundRobinLimits limits_;
  std::mutex mutex_;
  std::map<Set, std::vector<std::int64_t>> turns_;
};

}  // namespace roomgate::router::balance
