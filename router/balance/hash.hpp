// Weighted rendezvous: the same choice in every process that knows the same shards. A shard that goes moves
// only its own rooms' choices, one that comes takes only its share of them. No memory, no lock.
#pragma once

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

class HashPolicy final : public Policy {
 public:
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "hash"; }
};

}  // namespace roomgate::router::balance
