#include "router/balance/policy.hpp"

#include "router/balance/least.hpp"
#include "router/balance/roundrobin.hpp"

namespace roomgate::router::balance {

std::unique_ptr<Policy> make_policy(std::string_view name) {
  if (name == "roundrobin") return std::make_unique<RoundRobin>();
  if (name == "leastrooms") return std::make_unique<LeastRooms>();
  if (name == "leastload") return std::make_unique<LeastLoad>();
  if (name == "hash") return std::make_unique<HashPolicy>();
  return nullptr;
}

}  // namespace roomgate::router::balance
