#include "router/balance/policy.hpp"

#include <doctest.h>

#include <map>

#include "router/balance/least.hpp"
#include "router/balance/roundrobin.hpp"

using namespace roomgate::router::balance;

namespace {

struct Shards {
  std::vector<Shard> all;
  std::vector<const Shard*> candidates;
  std::map<ShardId, std::size_t> rooms;
  std::function<std::size_t(ShardId)> rooms_on = [this](ShardId id) { return rooms[id]; };

  explicit Shards(const std::vector<std::uint32_t>& weights) {
    for (std::size_t i = 0; i < weights.size(); ++i) {
      all.push_back(
          {.id = static_cast<ShardId>(i), .name = "shard-" + std::to_string(i), .weight = weights[i]});
    }
    for (const Shard& shard : all) candidates.push_back(&shard);
  }

  std::optional<ShardId> choose(Policy& policy, std::string_view key = "room") {
    return policy.choose({candidates, key, rooms_on});
  }
};

}  // namespace

TEST_CASE("every policy chooses nothing from nothing, and one from one") {
  for (std::string_view name : {"roundrobin", "leastrooms", "leastload", "hash"}) {
    const auto policy = make_policy(name);
    REQUIRE(policy != nullptr);
    CHECK(policy->name() == name);
    Shards none({});
    Shards one({1});
    CHECK_FALSE(none.choose(*policy).has_value());
    CHECK(one.choose(*policy) == 0);
  }
  CHECK(make_policy("best") == nullptr);
}

TEST_CASE("round-robin takes turns by weight, spread out") {
  RoundRobin policy;
  Shards shards({3, 1});
  std::string order;

  for (int i = 0; i < 8; ++i) order += std::to_string(*shards.choose(policy));

  CHECK(order == "00100010");
}

TEST_CASE("round-robin with equal weights never lets one shard run ahead") {
  RoundRobin policy;
  Shards shards({1, 1, 1});
  std::map<ShardId, int> count;
  for (int i = 0; i < 100; ++i) {
    ++count[*shards.choose(policy)];
    int least = count[0];
    int most = count[0];
    for (ShardId id : {1u, 2u}) {
      least = std::min(least, count[id]);
      most = std::max(most, count[id]);
    }
    CHECK(most - least <= 1);
  }
}

TEST_CASE("each eligible set has its own turn, and they are bounded") {
  RoundRobin policy(RoundRobinLimits{.max_sets = 2});
  Shards three({1, 1, 1});
  Shards two({1, 1});
  CHECK(three.choose(policy) == 0);
  CHECK(two.choose(policy) == 0);
  CHECK(three.choose(policy) == 1);
  CHECK(two.choose(policy) == 1);

  Shards other({2, 1});
  CHECK(other.choose(policy) == 0);
  CHECK(three.choose(policy) == 0);
}

TEST_CASE("leastrooms looks at rooms by weight") {
  LeastRooms policy;
  Shards shards({1, 4});
  shards.rooms = {{0, 2}, {1, 7}};
  CHECK(shards.choose(policy) == 1);
  shards.rooms = {{0, 2}, {1, 9}};
  CHECK(shards.choose(policy) == 0);
}

TEST_CASE("leastload looks at load, and at rooms between shards of equal load") {
  LeastLoad policy;
  Shards shards({1, 1});
  shards.all[0].load = 0.9;
  shards.all[1].load = 0.5;
  CHECK(shards.choose(policy) == 1);
  shards.all[0].load = 0.51;
  shards.rooms = {{0, 1}, {1, 5}};
  CHECK(shards.choose(policy) == 0);
}

TEST_CASE("hash keeps its choices when another shard goes, and respects weights") {
  HashPolicy policy;
  Shards shards({1, 1, 2});
  std::map<ShardId, int> count;
  int moved = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string key = "room" + std::to_string(i);
    shards.candidates = {&shards.all[0], &shards.all[1], &shards.all[2]};
    const auto before = *shards.choose(policy, key);
    ++count[before];
    shards.candidates = {&shards.all[0], &shards.all[2]};
    const auto after = *shards.choose(policy, key);
    if (before != 1 && before != after) ++moved;
  }
  CHECK(moved == 0);
  CHECK(count[0] > 850);
  CHECK(count[1] > 850);
  CHECK(count[2] > 1800);
}

TEST_CASE("the rendezvous hash is fixed for all time") {
  const auto first = rendezvous_hash("shard-0", "tenant/room");
  CHECK(first == rendezvous_hash("shard-0", "tenant/room"));
  CHECK(first == 8376274613527104941ULL);
  CHECK(first != rendezvous_hash("shard-0t", "enant/room"));
}
