// Where a new room goes. Extension point: a policy is one file and one line in make_policy. Called once per
// new room, from any thread (a policy with memory locks itself).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "router/balance/shard_set.hpp"

namespace roomgate::router::balance {

struct Choice {
  std::span<const Shard* const> candidates;  // all eligible; in name order
  std::string_view key;
  const std::function<std::size_t(ShardId)>& rooms_on;
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
