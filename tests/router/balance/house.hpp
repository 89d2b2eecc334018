// Shards with counted rooms, for tests of placement: what a policy sees of a gate.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "router/balance/eligible.hpp"
#include "router/balance/policy.hpp"

namespace roomgate::router::balance {

struct House {
  std::vector<Shard> list;
  std::map<ShardId, std::size_t> rooms;
  RegionSettings regions;
  Wish wish;
  TimePoint now = TimePoint() + std::chrono::hours(1);
  Duration slow_start{0};
  RoomsOn rooms_on = [this](ShardId id) {
    const auto count = rooms.find(id);
    return count == rooms.end() ? 0 : count->second;
  };

  explicit House(const std::vector<std::uint32_t>& weights = {}) {
    for (const std::uint32_t weight : weights) add(weight);
  }
  House(const House&) = delete;
  House& operator=(const House&) = delete;

  Shard& add(std::uint32_t weight = 1, std::string region = "", std::string release = "") {
    const auto id = static_cast<ShardId>(list.size());
    list.push_back({.id = id,
                    .name = "shard-" + std::to_string(1000 + id),
                    .addresses = {"192.0.2.1:80"},
                    .region = std::move(region),
                    .release = std::move(release),
                    .weight = weight});
    return list.back();
  }

  // As the gate would after a change: call after every change of `list`.
  void publish() { shards = ShardSet(list); }

  std::optional<ShardId> choose(Policy& policy, std::string_view key = "room") {
    const Eligible eligible = eligible_shards(shards, wish, regions, rooms_on);
    return policy.choose({eligible, key, rooms_on, now, slow_start});
  }

  // The room is then there. kNoShard: nobody takes it.
  ShardId place(Policy& policy, std::string_view key = "room") {
    const ShardId id = choose(policy, key).value_or(kNoShard);
    if (id != kNoShard) ++rooms[id];
    return id;
  }

  ShardSet shards;
};

}  // namespace roomgate::router::balance
