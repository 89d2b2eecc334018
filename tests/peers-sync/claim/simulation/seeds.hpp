// Which seeds a run tries. SIMULATION_SEEDS=N: N of them; SIMULATION_SEED=S: that one, told step by step with
// SIMULATION_VERBOSE=1.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

namespace roomgate::peers_sync::claim::simulation {

inline std::vector<std::uint64_t> seeds(std::uint64_t by_default) {
  if (const char* one = std::getenv("SIMULATION_SEED")) return {std::strtoull(one, nullptr, 10)};
  const char* many = std::getenv("SIMULATION_SEEDS");
  std::vector<std::uint64_t> all(many != nullptr ? std::strtoull(many, nullptr, 10) : by_default);
  for (std::uint64_t i = 0; i < all.size(); ++i) all[i] = i + 1;
  return all;
}

inline bool verbose() { return std::getenv("SIMULATION_VERBOSE") != nullptr; }

}  // namespace roomgate::peers_sync::claim::simulation
