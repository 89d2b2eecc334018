#include "router/census/snapshot.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::census;

namespace {

constexpr TimePoint kNow = TimePoint(std::chrono::hours(1000));
constexpr std::int64_t kWall = 1'795'374'219'000;

std::shared_ptr<const ShardRooms> said(const std::vector<Room>& rooms, bool tenants = true) {
  room::KeySettings settings;
  settings.tenants = tenants;
  return std::make_shared<const ShardRooms>(rooms, settings, kNow, kWall);
}

}  // namespace

TEST_CASE("people of a room at a shard that has been asked, and nothing of others") {
  const Snapshot snapshot({{"a", said({{"acme", "Alpha", 3}, {"", "empty", 0}})}});

  CHECK(snapshot.participants("acme/alpha", "a") == 3);
  CHECK(snapshot.participants("empty", "a") == 0);
  CHECK(snapshot.participants("other", "a") == 0);
  CHECK(snapshot.participants("acme/alpha", "b") == std::nullopt);
}

TEST_CASE("spellings of one key are one room") {
  const auto rooms = said({{"", "Alpha", 3, kWall - 5000}, {"", "%41lpha", 2, kWall - 9000}});
  const auto without_tenants = said({{"x", "alpha", 1}, {"y", "alpha", 1}}, false);

  REQUIRE(rooms->rooms().size() == 1);
  CHECK(rooms->rooms().at("alpha").participants == 5);
  CHECK(rooms->rooms().at("alpha").created == kNow - seconds(9));
  CHECK(without_tenants->rooms().at("alpha").participants == 2);
}

TEST_CASE("a shard's clock that is ahead makes no room from the future") {
  const auto rooms = said({{"", "ahead", 1, kWall + 60'000}, {"", "silent", 1}});

  CHECK(rooms->rooms().at("ahead").created == kNow);
  CHECK(rooms->rooms().at("silent").created == kNow);
}

TEST_CASE("a room that two shards have is split, most people first") {
  const Snapshot snapshot({{"a", said({{"", "one", 1}, {"", "both", 1}, {"", "equal", 2}})},
                           {"b", said({{"", "both", 4}, {"", "equal", 2}})},
                           {"c", said({{"", "both", 2}, {"", "one", 0}})}});

  const auto splits = snapshot.splits();

  REQUIRE(splits.size() == 2);
  CHECK(splits[0] == Snapshot::Split{"both", {{"b", 4}, {"c", 2}, {"a", 1}}});
  CHECK(splits[1] == Snapshot::Split{"equal", {{"a", 2}, {"b", 2}}});
}

TEST_CASE("rooms without an entry, each once") {
  const Snapshot snapshot({{"a", said({{"", "known", 1}, {"", "lost", 1}})}, {"b", said({{"", "lost", 4}})}});

  const auto unknown = snapshot.unknown([](std::string_view key) { return key == "known"; });

  REQUIRE(unknown.size() == 1);
  CHECK(unknown[0].key == "lost");
  CHECK(unknown[0].shard == "a");
}

TEST_CASE("a table begins with each room where most of its people are") {
  const Snapshot snapshot({{"a", said({{"", "both", 1}, {"", "equal", 2}})},
                           {"b", said({{"", "both", 4, kWall - 7000}, {"", "equal", 2}, {"", "one", 1}})}});

  const auto seeds = snapshot.seeds();

  REQUIRE(seeds.size() == 3);
  CHECK(seeds[0].key == "both");
  CHECK(seeds[0].shard == "b");
  CHECK(seeds[0].participants == 4);
  CHECK(seeds[0].created == kNow - seconds(7));
  CHECK(seeds[1].key == "equal");
  CHECK(seeds[1].shard == "a");
  CHECK(seeds[2].key == "one");
  CHECK(seeds[2].shard == "b");
}
