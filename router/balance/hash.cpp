#include "router/balance/hash.hpp"

#include "router/balance/rendezvous.hpp"

namespace roomgate::router::balance {

std::optional<ShardId> HashPolicy::choose(const Choice& choice) {
  const Weights weight(choice);
  const std::uint64_t room = room_hash(choice.key);
  const Candidate* best = nullptr;
  std::uint64_t best_hash = 0;
  double best_weight = 0;
  double best_score = 0;
  for (const Candidate& shard : choice.eligible.shards()) {
    const std::uint64_t hash = rendezvous(shard.hash, room);
    const double own_weight = weight(shard);
    // Neither more weight nor a higher hash: no logarithm is needed to know who is ahead.
    if (best != nullptr && own_weight <= best_weight && hash <= best_hash) continue;
    const double score = cost(hash, own_weight);
    if (best != nullptr && score >= best_score) continue;
    best = &shard;
    best_hash = hash;
    best_weight = own_weight;
    best_score = score;
  }
  return best == nullptr ? std::nullopt : std::optional<ShardId>(best->id);
}

}  // namespace roomgate::router::balance
