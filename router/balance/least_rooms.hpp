// To the shard where one room more weighs least: rooms of this gate's table by weight. No memory, no lock.
// Ties go by rendezvous, so that equal shards share. A shard in slow start is asked only in as many of the
// choices as its ramp says; being empty it would otherwise get every one.
#pragma once

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

class LeastRooms final : public Policy {
 public:
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "leastrooms"; }
};

}  // namespace roomgate::router::balance
