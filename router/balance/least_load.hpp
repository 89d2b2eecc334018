// Power of two choices: of two shards drawn by weight, the one with less stress by its own word. Reports are
// seconds old, so a burst would all go to whoever looked idle last: rooms placed since count as a room's
// share of the stress, and fade as reports come to have them in.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

struct LeastLoadSettings {
  Duration half_in_reports = seconds(5);  // after this time half of a room's stress is taken to be reported
  double least_per_room = 0.001;          // of stress; until there are rooms to tell what one costs
};

class LeastLoad final : public Policy {
 public:
  // `seed` and the order of choices decide the draws.
  explicit LeastLoad(LeastLoadSettings settings = {}, std::uint64_t seed = 0)
      : settings_(settings), draws_(seed) {}
  std::optional<ShardId> choose(const Choice& choice) override;
  std::string_view name() const override { return "leastload"; }

 private:
  struct Placed {
    double rooms = 0;  // that no report has in it yet, as of `at`
    TimePoint at{};
  };

  double not_reported(ShardId id, TimePoint now) const;
  // The stress of either with what was placed on it since; first, second.
  bool second_is_lighter(const Choice& choice, const Candidate& first, const Candidate& second) const;

  LeastLoadSettings settings_;
  std::mutex mutex_;
  std::uint64_t draws_;
  std::vector<Placed> placed_;  // by shard id
};

}  // namespace roomgate::router::balance
