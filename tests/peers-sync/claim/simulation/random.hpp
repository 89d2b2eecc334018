// Chance that is the same for a seed on every machine (the library's distributions are not).
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::peers_sync::claim::simulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed * 0x9e3779b97f4a7c15 + 1) {}

  std::uint64_t number() { return engine_(); }
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool chance(double probability) { return fraction() < probability; }
  double fraction() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  Duration between(Duration low, Duration high) {
    if (high <= low) return low;
    return low + Duration(static_cast<Duration::rep>(fraction() * static_cast<double>((high - low).count())));
  }
  template <class T>
  const T& one_of(const std::vector<T>& many) {
    return many[below(many.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace roomgate::peers_sync::claim::simulation
