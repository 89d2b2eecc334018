// Fewest rooms by weight, least load by the shards' own word, and rendezvous hashing. No memory, no lock.
#pragma once

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

// Ties go by hash of the key, so that equal shards share.
class LeastRooms final : public Policy {
 public:
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "leastrooms"; }
};

// `load` of the health answers; rooms decide between shards that are within a twentieth of each other, since
// reports are seconds old and a burst would all go to one.
class LeastLoad final : public Policy {
 public:
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "leastload"; }
};

// The same choice in every process that knows the same shards: fixed hash, weights respected.
class HashPolicy final : public Policy {
 public:
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "hash"; }
};

// Fixed for all time (peers compare its outcome): SipHash-2-4 under a constant key, of name, NUL, key.
std::uint64_t rendezvous_hash(std::string_view shard, std::string_view key);

}  // namespace roomgate::router::balance
