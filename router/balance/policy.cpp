#include "router/balance/policy.hpp"

#include "router/balance/hash.hpp"
#include "router/balance/least_load.hpp"
#include "router/balance/least_rooms.hpp"
#include "router/balance/roundrobin.hpp"

namespace roomgate::router::balance {
namespace {

constexpr std::uint32_t kFirstPercent = 10;

bool ramps(TimePoint begin, TimePoint now, Duration slow_start) {
  return slow_start > Duration(0) && begin != TimePoint{} && now - begin < slow_start;
}

}  // namespace

std::uint32_t ramp_percent(const Candidate& shard, TimePoint now, Duration slow_start) {
  if (!ramps(shard.ramp_begin, now, slow_start)) return 100;
  // Another core's clock may be a little behind.
  const Duration passed = std::max(Duration(0), now - shard.ramp_begin);
  const double part = std::chrono::duration<double>(passed) / std::chrono::duration<double>(slow_start);
  return kFirstPercent + static_cast<std::uint32_t>(part * (100 - kFirstPercent));
}

Weights::Weights(const Choice& choice)
    : now_(choice.now),
      slow_start_(choice.slow_start),
      ramping_(ramps(choice.eligible.last_ramp(), choice.now, choice.slow_start)) {}

std::unique_ptr<Policy> make_policy(std::string_view name) {
  if (name == "roundrobin") return std::make_unique<RoundRobin>();
  if (name == "leastrooms") return std::make_unique<LeastRooms>();
  if (name == "leastload") return std::make_unique<LeastLoad>();
  if (name == "hash") return std::make_unique<HashPolicy>();
  return nullptr;
}

}  // namespace roomgate::router::balance
