#include "router/balance/eligible.hpp"

#include <doctest.h>

#include "tests/router/balance/house.hpp"

using namespace roomgate;
using namespace roomgate::router::balance;

namespace {

// The shards' numbers, and how far from the wish they are: "0 1", "2 (region)".
std::string eligible(House& house, Wish wish) {
  house.publish();
  const Eligible found = eligible_shards(house.shards, wish, house.regions, house.rooms_on);
  std::string text;
  for (const Candidate& shard : found.shards()) {
    text += (text.empty() ? "" : " ") + std::to_string(shard.id);
  }
  const Spill& spill = found.spill();
  if (text.empty()) return text;
  if (spill.release == Spill::Release::live) text += " (live release)";
  if (spill.release == Spill::Release::any) text += " (any release)";
  if (spill.region) text += " (region)";
  if (spill.soft_cap) text += " (soft cap)";
  return text;
}

}  // namespace

TEST_CASE("a room goes to its region, then to the region's fallbacks, then nowhere") {
  House house;
  house.add(1, "eu");
  house.add(1, "eu");
  house.add(1, "us");
  house.add(1, "asia");
  house.regions.fallback["eu"] = {"nowhere", "us"};
  house.regions.fallback["none"] = {"none"};
  CHECK(eligible(house, {.region = "eu"}) == "0 1");
  CHECK(eligible(house, {}) == "0 1 2 3");
  CHECK(eligible(house, {.region = "unlisted"}) == "0 1 2 3 (region)");
  CHECK(eligible(house, {.region = "none"}) == "");

  house.list[0].state = ShardState::drain;
  CHECK(eligible(house, {.region = "eu"}) == "1");
  house.list[1].up = false;
  CHECK(eligible(house, {.region = "eu"}) == "2 (region)");
  house.list[2].weight = 0;
  CHECK(eligible(house, {.region = "eu"}) == "");
  CHECK(eligible(house, {}) == "3");
  house.list[3].share = 0;
  CHECK(eligible(house, {}) == "");
  house.list[3].share = 1;
  CHECK(eligible(house, {}) == "3");
  house.list[3].addresses.clear();
  CHECK(eligible(house, {}) == "");
}

TEST_CASE("a room goes to the wished release, then to the live one, then to any, in all regions each") {
  House house;
  house.add(1, "eu", "v1");
  house.add(1, "us", "v1");
  house.add(1, "eu", "v2");
  house.add(1, "eu");
  house.add(1, "us", "test");
  house.regions.fallback["eu"] = {"us"};
  const Wish pinned{.region = "eu", .release = "test", .live_release = "v2"};
  CHECK(eligible(house, pinned) == "4 (region)");
  CHECK(eligible(house, {.region = "us", .release = "test", .live_release = "v2"}) == "4");
  CHECK(eligible(house, {.region = "eu", .live_release = "v2"}) == "2");
  CHECK(eligible(house, {.region = "eu"}) == "0 2 3");
  CHECK(eligible(house, {.release = "v1"}) == "0 1");

  house.list[4].up = false;
  CHECK(eligible(house, pinned) == "2 (live release)");
  house.list[2].up = false;
  CHECK(eligible(house, pinned) == "0 3 (any release)");
  CHECK(eligible(house, {.region = "eu", .live_release = "v2"}) == "0 3 (any release)");
  house.list[0].up = house.list[3].up = false;
  CHECK(eligible(house, pinned) == "1 (any release) (region)");
  CHECK(eligible(house, {.region = "eu", .release = "gone"}) == "1 (any release) (region)");
}

TEST_CASE("a soft cap spills to the next region, and counts no more when all are above theirs") {
  House house;
  house.add(1, "eu").soft_rooms = 2;
  house.add(1, "eu").soft_rooms = 3;
  house.add(1, "us").soft_rooms = 1;
  house.list[0].max_rooms = 4;
  house.regions.fallback["eu"] = {"us"};
  const Wish wish{.region = "eu"};
  CHECK(eligible(house, wish) == "0 1");
  house.rooms = {{0, 2}, {1, 2}};
  CHECK(eligible(house, wish) == "1");
  house.rooms = {{0, 2}, {1, 3}};
  CHECK(eligible(house, wish) == "2 (region)");
  house.rooms = {{0, 2}, {1, 3}, {2, 1}};
  CHECK(eligible(house, wish) == "0 1 (soft cap)");
  house.rooms = {{0, 4}, {1, 9}, {2, 1}};
  CHECK(eligible(house, wish) == "1 (soft cap)");
}

TEST_CASE("a release above its soft caps is better than another release") {
  House house;
  house.add(1, "eu", "v1").soft_rooms = 1;
  house.add(1, "eu", "v2");
  house.rooms = {{0, 1}};
  CHECK(eligible(house, {.region = "eu", .release = "v1"}) == "0 (soft cap)");
  house.list[0].max_rooms = 1;
  CHECK(eligible(house, {.region = "eu", .release = "v1"}) == "1 (any release)");
}

TEST_CASE("at its hard cap a shard gets nothing, wherever the room would go instead") {
  House house;
  house.add(1, "eu").max_rooms = 5;
  house.rooms = {{0, 4}};
  CHECK(eligible(house, {.region = "eu"}) == "0");
  CHECK(below_hard_cap(house.list[0], house.rooms_on));
  house.rooms = {{0, 5}};
  CHECK(eligible(house, {.region = "eu"}) == "");
  CHECK(eligible(house, {}) == "");
  CHECK_FALSE(below_hard_cap(house.list[0], house.rooms_on));
  CHECK(eligible_shards(house.shards, {}, house.regions, nullptr).shards().size() == 1);
}

TEST_CASE("the shard that a room leaves is none of those it may go to") {
  House house;
  house.add(1, "eu");
  house.add(1, "eu");
  house.add(1, "us");
  const ShardId first[] = {0};
  const ShardId third[] = {2};
  const ShardId two[] = {0, 2};
  CHECK(eligible(house, {.region = "eu", .except = first}) == "1");
  CHECK(eligible(house, {.region = "us", .except = third}) == "0 1 (region)");
  CHECK(eligible(house, {.region = "eu", .except = third}) == "0 1");
  CHECK(eligible(house, {.region = "us", .except = two}) == "1 (region)");
}

TEST_CASE("a set of shards keeps its number while weights, loads and snapshots change") {
  House house({1, 2, 3});
  house.publish();
  const auto number = [&] { return eligible_shards(house.shards, {}, {}, nullptr).number(); };
  const std::uint64_t before = number();

  house.list[0].load = 0.5;
  house.list[1].weight = 7;
  house.list[2].share = 50;
  house.publish();
  CHECK(number() == before);
  house.list[2].state = ShardState::drain;
  house.publish();
  CHECK(number() != before);
  house.list[2].state = ShardState::ready;
  house.publish();
  CHECK(number() == before);
}

TEST_CASE("a copy of a set of shards stands on its own") {
  House house({1, 1});
  house.publish();
  const ShardSet copy = house.shards;
  house.shards = ShardSet();

  const Eligible found = eligible_shards(copy, {}, {}, nullptr);

  REQUIRE(found.shards().size() == 2);
  CHECK(found.shards()[1].id == 1);
}
