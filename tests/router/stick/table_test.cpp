#include "router/stick/table.hpp"

#include <doctest.h>

using namespace roomgate;
using namespace roomgate::router::stick;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

Table::Chooser to_shard(ShardId shard) {
  return [shard] { return std::optional<ShardId>(shard); };
}
const Table::Chooser kNoChoice = [] { return std::optional<ShardId>(); };

Limits small(std::size_t entries) {
  Limits limits;
  limits.max_entries = entries;
  return limits;
}

void signal(Table& table, std::string_view key, TimePoint now, ShardId shard = 0) {
  REQUIRE(table.find_or_create(key, Use::signalling, now, to_shard(shard)).ok());
}

std::uint64_t serial_of(const Table& table, std::string_view key) {
  const auto entry = table.peek(key);
  return entry ? entry->serial : 0;
}

}  // namespace

TEST_CASE("a room keeps the shard it was given") {
  Table table;

  const auto first = table.find_or_create("room", Use::signalling, kStart, to_shard(3));
  const auto second = table.find_or_create("room", Use::signalling, kStart, to_shard(4));

  REQUIRE(first.ok());
  CHECK(first->created);
  CHECK(first->entry.shard == 3);
  CHECK(first->entry.generation == 1);
  REQUIRE(second.ok());
  CHECK_FALSE(second->created);
  CHECK(second->entry.shard == 3);
  CHECK(table.size() == 1);
  CHECK(table.rooms_on(3) == 1);
  CHECK(table.find("room", kStart)->shard == 3);
  CHECK_FALSE(table.find("Room", kStart).has_value());
}

TEST_CASE("creates nothing when there is no shard to choose") {
  Table table;

  const auto found = table.find_or_create("room", Use::signalling, kStart, kNoChoice);

  REQUIRE_FALSE(found.ok());
  CHECK(found.error() == CreateError::no_choice);
  CHECK(table.size() == 0);
}

TEST_CASE("a page makes a provisional entry, signalling makes it real") {
  Table table;
  REQUIRE(table.find_or_create("room", Use::page, kStart, to_shard(1)).ok());
  CHECK(table.find("room", kStart)->provisional);
  CHECK(table.provisional() == 1);
  REQUIRE(table.find_or_create("room", Use::page, kStart, to_shard(2)).ok());
  CHECK(table.provisional() == 1);

  const auto found = table.find_or_create("room", Use::signalling, kStart, to_shard(2));

  CHECK(found->entry.shard == 1);
  CHECK_FALSE(found->entry.provisional);
  CHECK(table.provisional() == 0);
  table.tick(kStart + seconds(61));
  CHECK(table.size() == 1);
}

TEST_CASE("a provisional entry ends after its life, used or not") {
  Table table;
  REQUIRE(table.find_or_create("room", Use::page, kStart, to_shard(1)).ok());
  CHECK(table.tick(kStart + seconds(59)).empty());
  table.find("room", kStart + seconds(59));

  const auto dropped = table.tick(kStart + seconds(60));

  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].key == "room");
  CHECK(table.size() == 0);
  CHECK(table.provisional() == 0);
  CHECK(table.rooms_on(1) == 0);
}

TEST_CASE("expires what is idle, and neither what is held nor what is asked for") {
  Table table;
  signal(table, "idle", kStart);
  signal(table, "held", kStart);
  signal(table, "asked", kStart);
  table.hold("held", kStart);
  table.find("asked", kStart + std::chrono::minutes(5));

  const auto dropped = table.tick(kStart + std::chrono::minutes(10));

  REQUIRE(dropped.size() == 1);
  CHECK(dropped[0].key == "idle");
  CHECK(table.peek("held").has_value());
  CHECK(table.peek("asked").has_value());
  table.unhold("held", serial_of(table, "held"), kStart + std::chrono::minutes(12));
  CHECK(table.tick(kStart + std::chrono::minutes(15)).size() == 1);
  CHECK(table.tick(kStart + std::chrono::minutes(22)).size() == 1);
  CHECK(table.size() == 0);
}

TEST_CASE("looking without a trace does not renew") {
  Table table;
  signal(table, "room", kStart);
  table.peek("room");
  CHECK(table.peek("room")->last_used == kStart);
  table.find("room", kStart + milliseconds(999));
  CHECK(table.peek("room")->last_used == kStart);
  CHECK(table.find("room", kStart + milliseconds(1000))->last_used == kStart);
  CHECK(table.peek("room")->last_used == kStart + milliseconds(1000));
  // A thread with an older clock reading does not turn time back.
  table.find("room", kStart);
  CHECK(table.peek("room")->last_used == kStart + milliseconds(1000));
}

TEST_CASE("tells the first hold and the last") {
  Table table;
  CHECK_FALSE(table.hold("room", kStart).known);
  signal(table, "room", kStart);

  CHECK(table.hold("room", kStart).edge);
  CHECK_FALSE(table.hold("room", kStart).edge);
  CHECK(table.peek("room")->holds == 2);
  CHECK_FALSE(table.unhold("room", serial_of(table, "room"), kStart).edge);
  CHECK(table.unhold("room", serial_of(table, "room"), kStart).edge);
  CHECK_FALSE(table.unhold("room", serial_of(table, "room"), kStart).known);
}

TEST_CASE("a tunnel makes a provisional entry real") {
  Table table;
  REQUIRE(table.find_or_create("room", Use::page, kStart, to_shard(1)).ok());

  table.hold("room", kStart);

  CHECK_FALSE(table.peek("room")->provisional);
  CHECK(table.tick(kStart + seconds(61)).empty());
}

TEST_CASE("at the limit idle entries go, oldest first, and rooms in use stay") {
  Table table(small(3));
  signal(table, "held", kStart);
  table.hold("held", kStart);
  signal(table, "idle", kStart);
  signal(table, "recent", kStart + seconds(100));

  signal(table, "new", kStart + seconds(101));

  CHECK(table.size() == 3);
  CHECK(table.evicted() == 1);
  CHECK(table.peek("held").has_value());
  CHECK(table.peek("recent").has_value());
  CHECK_FALSE(table.peek("idle").has_value());

  const auto refused = table.find_or_create("one more", Use::signalling, kStart + seconds(102), to_shard(0));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error() == CreateError::full);
  CHECK(table.size() == 3);
}

TEST_CASE("provisional entries go first and are a fifth of the table at most") {
  Table table(small(10));
  for (int i = 0; i < 8; ++i) signal(table, "room" + std::to_string(i), kStart);
  REQUIRE(table.find_or_create("page1", Use::page, kStart, to_shard(0)).ok());
  REQUIRE(table.find_or_create("page2", Use::page, kStart, to_shard(0)).ok());

  REQUIRE(table.find_or_create("page3", Use::page, kStart, to_shard(0)).ok());
  CHECK(table.provisional() == 2);
  CHECK_FALSE(table.peek("page1").has_value());

  signal(table, "new", kStart);
  CHECK(table.size() == 10);
  CHECK_FALSE(table.peek("page2").has_value());
  CHECK(table.peek("page3").has_value());
}

TEST_CASE("refuses a page's entry where none may be") {
  Table table(small(4));  // a fifth of four is none

  const auto found = table.find_or_create("page", Use::page, kStart, to_shard(0));

  REQUIRE_FALSE(found.ok());
  CHECK(found.error() == CreateError::provisional_full);
  CHECK(table.size() == 0);
  CHECK(table.provisional() == 0);
}

TEST_CASE("the higher generation wins, and holds stay") {
  Table table;
  signal(table, "room", kStart, 1);
  table.hold("room", kStart);

  CHECK_FALSE(
      table.put("room", {.shard = 2, .generation = 1, .created = kStart, .last_used = kStart}, kStart));
  CHECK(table.put("room", {.shard = 2, .generation = 2, .created = kStart, .origin = Origin::peer}, kStart));
  CHECK_FALSE(table.put("room", {.shard = 3, .generation = 1}, kStart));

  const auto entry = table.peek("room");
  CHECK(entry->shard == 2);
  CHECK(entry->holds == 1);
  CHECK(entry->last_used == kStart);
  CHECK(entry->origin == Origin::peer);
  CHECK(table.rooms_on(1) == 0);
  CHECK(table.rooms_on(2) == 1);
  CHECK(table.size() == 1);
  CHECK(table.put("other", {.shard = 1, .generation = 7, .created = kStart, .last_used = kStart}, kStart));
  CHECK(table.peek("other")->generation == 7);
}

TEST_CASE("moves a room once, from where it is") {
  Table table;
  signal(table, "room", kStart, 1);

  CHECK_FALSE(table.move("room", 9, 2, Table::MoveIf::always).has_value());
  const auto moved = table.move("room", 1, 2, Table::MoveIf::unheld);
  CHECK_FALSE(table.move("room", 1, 3, Table::MoveIf::always).has_value());
  CHECK_FALSE(table.move("none", 2, 3, Table::MoveIf::always).has_value());

  REQUIRE(moved.has_value());
  CHECK(moved->shard == 2);
  CHECK(moved->generation == 2);
  CHECK(table.peek("room")->origin == Origin::moved);
  table.hold("room", kStart);
  CHECK_FALSE(table.move("room", 2, 3, Table::MoveIf::unheld).has_value());
  CHECK(table.move("room", 2, 3, Table::MoveIf::always)->holds == 1);
}

TEST_CASE("keeps why a room is where it is, and the region that it was wanted in") {
  Table table;
  const auto eu = table.regions().id_of("eu");
  const Table::Chooser pinned = [eu] { return std::optional(Choice(1, Placed::pinned, eu)); };
  REQUIRE(table.find_or_create("room", Use::signalling, kStart, pinned).ok());
  const auto before = table.peek("room");

  (void)table.move("room", 1, 2, Table::MoveIf::always, Placed::by_hand);

  REQUIRE(before);
  CHECK(before->placed == Placed::pinned);
  CHECK(before->region == eu);
  CHECK(table.peek("room")->placed == Placed::by_hand);
  CHECK(table.peek("room")->region == eu);
}

TEST_CASE("whoever takes a hold hears where the room is by then") {
  Table table;
  signal(table, "room", kStart, 1);
  (void)table.move("room", 1, 2, Table::MoveIf::always);

  CHECK(table.hold("room", kStart).shard == 2);
  CHECK(table.hold("none", kStart).shard == kNoShard);
}

TEST_CASE("a hold from before a forget is not taken off the entry the room has now") {
  Table table;
  signal(table, "room", kStart);
  const auto first = table.hold("room", kStart);
  REQUIRE(table.forget("room"));
  signal(table, "room", kStart);
  table.hold("room", kStart);

  CHECK_FALSE(table.unhold("room", first.serial, kStart).known);
  CHECK(table.peek("room")->holds == 1);

  const auto moved = table.move("room", 0, 2, Table::MoveIf::always);
  REQUIRE(moved);
  CHECK(table.unhold("room", moved->serial, kStart).edge);
}

TEST_CASE("forgets also what is held") {
  Table table;
  signal(table, "room", kStart);
  table.hold("room", kStart);

  CHECK(table.forget("room"));
  CHECK_FALSE(table.forget("room"));

  CHECK(table.size() == 0);
  CHECK_FALSE(table.unhold("room", serial_of(table, "room"), kStart).known);
}

TEST_CASE("lists by prefix, in order, up to a limit") {
  Table table;
  for (std::string_view key : {"t/c", "t/a", "u/a", "t/b", "t"}) signal(table, key, kStart);

  const auto two = table.list("t/", 2);
  REQUIRE(two.size() == 2);
  CHECK(two[0].key == "t/a");
  CHECK(two[1].key == "t/b");
  CHECK(table.list("", 100).size() == 5);
  CHECK(table.list("x", 100).empty());
  CHECK(table.list("", 0).empty());
}

TEST_CASE("lists what is held most first, of one shard if asked") {
  using Order = Table::Order;
  Table table;
  for (std::string_view key : {"a", "b", "c", "d"}) signal(table, key, kStart);
  for (std::string_view key : {"c", "c", "d", "b"}) table.hold(key, kStart);
  table.move("c", table.peek("c")->shard, 7, Table::MoveIf::always);

  const auto busiest = table.list("", 3, kNoShard, Order::most_holds);
  const auto of_seven = table.list("", 3, 7, Order::most_holds);

  REQUIRE(busiest.size() == 3);
  CHECK(busiest[0].key == "c");
  CHECK(busiest[1].key == "b");
  CHECK(busiest[2].key == "d");
  REQUIRE(of_seven.size() == 1);
  CHECK(of_seven[0].key == "c");
}

TEST_CASE("a large table keeps its counts over many lives") {
  Limits limits = small(5000);
  Table table(limits);
  TimePoint now = kStart;
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 6000; ++i) {
      signal(table, "room" + std::to_string(round) + "-" + std::to_string(i), now,
             static_cast<ShardId>(i % 3));
      now += milliseconds(50);  // what is 90 s old may be evicted: 1800 rooms are recent
    }
    CHECK(table.size() <= 5000);
  }
  CHECK(table.rooms_on(0) + table.rooms_on(1) + table.rooms_on(2) == table.size());
  std::size_t listed = 0;
  table.for_each([&listed](std::string_view, const Entry&) { ++listed; });
  CHECK(listed == table.size());

  now += std::chrono::minutes(11);
  for (int i = 0; i < 64; ++i) table.tick(now);

  CHECK(table.size() == 0);
  CHECK(table.rooms_on(0) + table.rooms_on(1) + table.rooms_on(2) == 0);
}

TEST_CASE("what another process decided is learnt, even where its generations began anew") {
  Table table;
  signal(table, "room", kStart, 1);
  REQUIRE(table.move("room", 1, 2, Table::MoveIf::always).has_value());
  (void)table.hold("room", kStart);

  table.learn("room", {.shard = 2, .generation = 2}, kStart);
  CHECK(table.peek("room")->holds == 1);
  table.learn("room", {.shard = 3, .generation = 3}, kStart);
  CHECK(table.peek("room")->shard == 3);
  CHECK(table.peek("room")->holds == 1);
  table.learn("room", {.shard = 4, .generation = 1}, kStart);
  CHECK(table.peek("room")->shard == 4);
  CHECK(table.peek("room")->holds == 0);
}
