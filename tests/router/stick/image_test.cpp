#include "router/stick/image.hpp"

#include <doctest.h>

#include <map>

using namespace roomgate;
using namespace roomgate::router::stick;

namespace {

using std::chrono::hours;
using std::chrono::minutes;

const TimePoint kNow = TimePoint() + hours(1);
constexpr std::int64_t kWritten = 1'700'000'000'000;

const NameOf kNameOf = [](ShardId id) { return "shard-" + std::to_string(id); };
const IdOf kIdOf = [](std::string_view name) {
  return static_cast<ShardId>(std::stoul(std::string(name.substr(name.find('-') + 1))));
};

std::string image_with(const ImageEntry& entry) {
  ImageWriter writer(kWritten);
  writer.add(entry);
  return std::move(writer).finish();
}

std::vector<std::string> keys_of(std::string_view image) {
  std::vector<std::string> keys;
  REQUIRE(read_image(as_bytes(image), [&](const ImageEntry& entry) { keys.emplace_back(entry.key); }).ok());
  return keys;
}

}  // namespace

TEST_CASE("an image gives back every entry as it was") {
  ImageWriter writer(kWritten);
  writer.add({.key = "tenant/room",
              .shard = "shard-7",
              .generation = 12,
              .age = minutes(50),
              .unused = seconds(3),
              .holds = 2,
              .origin = Origin::moved,
              .placed = Placed::by_hand,
              .region = "eu"});
  writer.add({.key = "page", .shard = "s", .age = seconds(5), .unused = seconds(5), .provisional = true});
  const std::string image = std::move(writer).finish();

  std::vector<ImageEntry> entries;
  const auto written =
      read_image(as_bytes(image), [&](const ImageEntry& entry) { entries.push_back(entry); });

  REQUIRE(written.ok());
  CHECK(*written == kWritten);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].key == "tenant/room");
  CHECK(entries[0].shard == "shard-7");
  CHECK(entries[0].generation == 12);
  CHECK(entries[0].age == minutes(50));
  CHECK(entries[0].unused == seconds(3));
  CHECK(entries[0].holds == 2);
  CHECK(entries[0].origin == Origin::moved);
  CHECK_FALSE(entries[0].provisional);
  CHECK(entries[0].placed == Placed::by_hand);
  CHECK(entries[0].region == "eu");
  CHECK(entries[1].region.empty());
  CHECK(entries[1].key == "page");
  CHECK(entries[1].provisional);
}

TEST_CASE("an image of an empty table is one without entries") {
  const std::string image = image_of(Table(), kNameOf, kNow, kWritten);

  CHECK(keys_of(image).empty());
}

TEST_CASE("an image that lost any of its bytes, or has one changed, is refused before anything is told") {
  const std::string image = image_with({.key = "room", .shard = "shard-0"});
  const auto tells_nothing = [](const std::string& bytes) {
    bool told = false;
    const auto read = read_image(as_bytes(bytes), [&](const ImageEntry&) { told = true; });
    return !read.ok() && !told;
  };

  for (std::size_t size = 0; size < image.size(); ++size) CHECK(tells_nothing(image.substr(0, size)));
  for (std::size_t at = 0; at < image.size(); ++at) {
    std::string changed = image;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    CHECK(tells_nothing(changed));
  }
  CHECK(tells_nothing(image + '\0'));
}

TEST_CASE("what no table has does not get into an image") {
  ImageWriter writer(kWritten);
  writer.add({.key = "", .shard = "shard-0"});
  writer.add({.key = "a", .shard = ""});
  writer.add({.key = "b", .shard = std::string(256, 's')});
  writer.add({.key = std::string(0x10000, 'k'), .shard = "shard-0"});
  writer.add({.key = "good", .shard = "shard-0"});

  CHECK(keys_of(std::move(writer).finish()) == std::vector<std::string>{"good"});
}

TEST_CASE("a table that is handed over is the same table, with holds told apart") {
  Table before;
  Entry old{.shard = 3, .generation = 5, .created = kNow - minutes(40), .last_used = kNow - minutes(4)};
  REQUIRE(before.put("idle", old, kNow));
  old.shard = 4;
  old.origin = Origin::moved;
  old.region = before.regions().id_of("eu");
  REQUIRE(before.put("held", old, kNow));
  (void)before.hold("held", kNow);
  (void)before.hold("held", kNow);
  const std::string image = image_of(before, kNameOf, kNow, 0);

  Table after;
  std::map<std::string, std::uint32_t> holds;
  const auto restored =
      restore(after, as_bytes(image), kIdOf,
              {.now = kNow, .held = [&](auto key, auto count) { holds[std::string(key)] = count; }});

  REQUIRE(restored.ok());
  CHECK(restored->taken == 2);
  const auto idle = after.peek("idle");
  REQUIRE(idle.has_value());
  CHECK(idle->shard == 3);
  CHECK(idle->generation == 5);
  CHECK(idle->created == kNow - minutes(40));
  CHECK(idle->last_used == kNow - minutes(4));
  const auto held = after.peek("held");
  REQUIRE(held.has_value());
  CHECK(held->origin == Origin::moved);
  CHECK(after.regions().name_of(held->region) == "eu");
  CHECK(held->holds == 0);
  CHECK(holds == std::map<std::string, std::uint32_t>{{"held", 2}, {"idle", 0}});
}

TEST_CASE("where a replica decides what the table has, an image is offered to it") {
  Limits limits;
  limits.managed = true;
  Table before(limits);
  Entry entry{.shard = 3, .generation = 5, .created = kNow - minutes(40), .placed = Placed::pinned};
  entry.region = before.regions().id_of("eu");
  // Of a room that other front doors were using, nobody knows here how lately.
  before.agree("room", entry);
  const std::string image = image_of(before, kNameOf, kNow, kWritten);

  Table after(limits);
  std::vector<std::string> offered;
  const auto offer = [&](std::string_view key, std::string_view shard, std::string_view region,
                         const Entry& said) {
    offered.push_back(std::string(key) + " " + std::string(shard) + " " + std::string(region));
    CHECK(said.generation == 5);
    CHECK(said.created == kNow - minutes(41));
    CHECK(said.placed == Placed::pinned);
  };
  const auto restored =
      restore(after, as_bytes(image), kIdOf,
              {.now = kNow, .elapsed = minutes(1), .seeded = true, .held = {}, .offer = offer});
  const auto too_old =
      restore(after, as_bytes(image), kIdOf,
              {.now = kNow, .elapsed = minutes(10), .seeded = true, .held = {}, .offer = offer});

  REQUIRE(restored.ok());
  CHECK(restored->taken == 1);
  CHECK(offered == std::vector<std::string>{"room " + kNameOf(3) + " eu"});
  CHECK(too_old->left_out == 1);
  CHECK(after.size() == 0);
}

TEST_CASE("what is newer in the table stays, and its holds are told all the same") {
  Table before;
  REQUIRE(before.put("room", {.shard = 1, .generation = 2, .created = kNow, .last_used = kNow}, kNow));
  (void)before.hold("room", kNow);
  const std::string image = image_of(before, kNameOf, kNow, 0);
  Table after;
  REQUIRE(after.put("room", {.shard = 9, .generation = 3, .created = kNow, .last_used = kNow}, kNow));

  std::uint32_t holds = 0;
  const auto restored =
      restore(after, as_bytes(image), kIdOf, {.now = kNow, .held = [&](auto, auto count) { holds = count; }});

  REQUIRE(restored.ok());
  CHECK(restored->left_out == 1);
  CHECK(after.peek("room")->shard == 9);
  CHECK(holds == 1);
}

TEST_CASE("of a snapshot only what has not expired since comes back, and it says where it is from") {
  Table before;
  REQUIRE(
      before.put("fresh", {.shard = 1, .created = kNow - hours(1), .last_used = kNow - minutes(3)}, kNow));
  REQUIRE(
      before.put("stale", {.shard = 1, .created = kNow - hours(1), .last_used = kNow - minutes(6)}, kNow));
  REQUIRE(before.put("in use", {.shard = 1, .created = kNow - hours(1), .last_used = kNow - hours(1)}, kNow));
  (void)before.hold("in use", kNow - hours(1));
  REQUIRE(before.put("page", {.shard = 1, .created = kNow, .last_used = kNow, .provisional = true}, kNow));
  const std::string image = image_of(before, kNameOf, kNow, kWritten);

  Table after;
  const auto restored = restore(after, as_bytes(image), kIdOf,
                                {.now = kNow, .elapsed = minutes(5), .seeded = true, .held = {}});

  REQUIRE(restored.ok());
  CHECK(restored->taken == 2);
  CHECK(restored->left_out == 2);
  REQUIRE(after.peek("fresh").has_value());
  CHECK(after.peek("fresh")->origin == Origin::seeded);
  CHECK(after.peek("fresh")->last_used == kNow - minutes(8));
  REQUIRE(after.peek("in use").has_value());
  CHECK(after.peek("in use")->last_used == kNow - minutes(5));
}

TEST_CASE("a part of a table can be told apart") {
  Table table;
  REQUIRE(table.put("old", {.shard = 1, .created = kNow - hours(1), .last_used = kNow - minutes(3)}, kNow));
  REQUIRE(table.put("new", {.shard = 1, .created = kNow, .last_used = kNow}, kNow));

  const std::string image =
      image_of(table, kNameOf, kNow, 0, [](const Entry& entry) { return entry.last_used == kNow; });

  CHECK(keys_of(image) == std::vector<std::string>{"new"});
}
