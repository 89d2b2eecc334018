#include "router/balance/shard_set.hpp"

#include <doctest.h>

using namespace roomgate;
using namespace roomgate::router::balance;

namespace {

Shard shard(ShardId id, std::string name, std::string region = "") {
  return {.id = id, .name = std::move(name), .addresses = {"192.0.2.1:80"}, .region = std::move(region)};
}

std::string names(const std::vector<const Shard*>& shards) {
  std::string text;
  for (const Shard* s : shards) text += (text.empty() ? "" : " ") + s->name;
  return text;
}

}  // namespace

TEST_CASE("names keep their numbers") {
  ShardNames shard_names(2);

  CHECK(shard_names.id_of("b") == 0);
  CHECK(shard_names.id_of("a") == 1);
  CHECK(shard_names.id_of("b") == 0);
  CHECK(shard_names.id_of("c") == kNoShard);
  CHECK(shard_names.name_of(1) == "a");
  CHECK(shard_names.name_of(7).empty());
}

TEST_CASE("finds shards by number, by name and by what a path says") {
  const ShardSet shards({shard(7, "shard-1.example"), shard(2, "shard-1"), shard(3, "shard-1")});

  CHECK(shards.all().size() == 2);
  CHECK(shards.by_id(7)->name == "shard-1.example");
  CHECK(shards.by_id(2)->name == "shard-1");
  CHECK(shards.by_id(3) == nullptr);
  CHECK(shards.by_id(kNoShard) == nullptr);
  CHECK(shards.by_name("shard-2") == nullptr);
  CHECK(shards.by_path_segment("shard-1")->id == 2);
  CHECK(shards.by_path_segment("shard-1.bridge-3")->id == 2);
  CHECK(shards.by_path_segment("shard-1.example.bridge.3")->id == 7);
  CHECK(shards.by_path_segment("shard-10") == nullptr);
  CHECK(shards.by_path_segment("") == nullptr);
}

TEST_CASE("a room goes to its region, then to the region's fallbacks, then nowhere") {
  std::vector<Shard> all = {shard(0, "a", "eu"), shard(1, "b", "eu"), shard(2, "c", "us"),
                            shard(3, "d", "asia")};
  RegionSettings settings;
  settings.fallback["eu"] = {"us"};
  settings.fallback["none"] = {};
  CHECK(names(eligible_shards(ShardSet(all), "eu", settings)) == "a b");
  CHECK(names(eligible_shards(ShardSet(all), "", settings)) == "a b c d");
  CHECK(names(eligible_shards(ShardSet(all), "unlisted", settings)) == "a b c d");
  CHECK(names(eligible_shards(ShardSet(all), "none", settings)) == "");

  all[0].state = ShardState::drain;
  CHECK(names(eligible_shards(ShardSet(all), "eu", settings)) == "b");
  all[1].up = false;
  CHECK(names(eligible_shards(ShardSet(all), "eu", settings)) == "c");
  all[2].weight = 0;
  CHECK(names(eligible_shards(ShardSet(all), "eu", settings)) == "");
  all[3].addresses.clear();
  CHECK(eligible_shards(ShardSet(all), "", settings).empty());
}

TEST_CASE("panics when more than half of the shards, and at least two, are down") {
  std::vector<Shard> all = {shard(0, "a"), shard(1, "b"), shard(2, "c"), shard(3, "d")};
  all[0].up = false;
  CHECK_FALSE(ShardSet(all).panic(0.5));
  all[1].up = false;
  CHECK_FALSE(ShardSet(all).panic(0.5));
  all[2].up = false;
  CHECK(ShardSet(all).panic(0.5));

  Shard lone = shard(0, "a");
  lone.up = false;
  CHECK_FALSE(ShardSet({lone}).panic(0.5));
}

TEST_CASE("a shard that is soft down is spared while others of its region and release take its new rooms") {
  std::vector<Shard> all = {shard(0, "a", "eu"), shard(1, "b", "eu"), shard(2, "c", "us")};
  const auto eligible = [&all](std::string_view region) {
    const ShardSet shards(all);
    return names(eligible_shards(shards, region, {}));
  };
  all[0].soft_down = true;
  CHECK(eligible("eu") == "b");
  CHECK(eligible("") == "b c");

  all[1].release = "other";
  CHECK(eligible("eu") == "a b");
  all[1].release = "";
  all[1].state = ShardState::drain;
  CHECK(eligible("eu") == "a");
  all[1].state = ShardState::ready;
  all[1].soft_down = true;
  CHECK(eligible("eu") == "a b");
  all[0].up = false;
  CHECK(eligible("eu") == "b");
}

TEST_CASE("reads and writes states") {
  CHECK(parse_shard_state("drain") == ShardState::drain);
  CHECK(parse_shard_state("maint") == ShardState::maint);
  CHECK(to_text(ShardState::ready) == "ready");
  CHECK_FALSE(parse_shard_state("up").has_value());
}
