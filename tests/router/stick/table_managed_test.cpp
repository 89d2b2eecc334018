// A table that a replica manages: what it puts there, what this gate holds of it, and when that may go.
#include <doctest.h>

#include "router/stick/table.hpp"
#include "tests/router/stick/managed.hpp"

using namespace roomgate;
using namespace roomgate::router::stick;
using tests::managed;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

Entry on(ShardId shard, std::uint64_t generation = 1, bool provisional = false) {
  Entry entry;
  entry.shard = shard;
  entry.generation = generation;
  entry.created = kStart;
  entry.provisional = provisional;
  entry.origin = Origin::peer;
  return entry;
}

}  // namespace

TEST_CASE("an entry that this gate never used is known, not in use, and has to be asked for") {
  Table table(managed());

  table.agree("room", on(3));

  REQUIRE(table.peek("room").has_value());
  CHECK(table.peek("room")->shard == 3);
  CHECK(table.peek("room")->last_used == kNeverUsed);
  CHECK_FALSE(table.in_use(*table.peek("room"), kStart));
  CHECK_FALSE(table.find_held("room", kStart).has_value());
  const auto use = table.local_use("room", kStart);
  CHECK_FALSE(use.held);
  CHECK_FALSE(use.tunnels);
  CHECK(use.last_used == TimePoint{});
  // Nor right after a start of the machine, when its clock is near zero.
  CHECK_FALSE(table.find_held("room", TimePoint() + seconds(1)).has_value());
}

TEST_CASE("what was used is used further for 80 s, and given back after 90") {
  Table table(managed());
  table.agree("room", on(3));
  REQUIRE(table.touch("room", kStart));

  CHECK(table.find_held("room", kStart + milliseconds(500))->shard == 3);
  CHECK_FALSE(table.find_held("room", kStart + seconds(80)).has_value());
  CHECK(table.local_use("room", kStart + seconds(89)).held);
  CHECK(table.local_use("room", kStart + seconds(89)).last_used == kStart);
  CHECK_FALSE(table.give_back("room", kStart + seconds(89)));
  CHECK(table.peek("room").has_value());
  CHECK_FALSE(table.local_use("room", kStart + seconds(90)).held);
  CHECK(table.give_back("room", kStart + seconds(90)));
  CHECK_FALSE(table.peek("room").has_value());
  CHECK(table.size() == 0);
  // What is not there is given back.
  CHECK(table.give_back("room", kStart + seconds(90)));
}

TEST_CASE("asking for it renews what is held, and nothing else") {
  Table table(managed());
  table.agree("room", on(3));
  table.touch("room", kStart);

  REQUIRE(table.find_held("room", kStart + seconds(79)).has_value());
  CHECK(table.find_held("room", kStart + seconds(150)).has_value());
  CHECK_FALSE(table.find_held("room", kStart + seconds(230)).has_value());

  CHECK(table.peek("room")->last_used == kStart + seconds(150));
  CHECK_FALSE(table.touch("unknown", kStart));
}

TEST_CASE("a tunnel holds its room for as long as it is open, and as its last request") {
  Table table(managed());
  table.agree("room", on(3));

  const auto held = table.hold("room", kStart);

  REQUIRE(held.known);
  CHECK(held.edge);
  CHECK_FALSE(held.was_held);
  CHECK(table.hold("room", kStart).was_held);
  const auto late = kStart + std::chrono::hours(5);
  CHECK(table.find_held("room", late).has_value());
  CHECK_FALSE(table.give_back("room", late));
  CHECK(table.local_use("room", late).tunnels);
  table.unhold("room", held.serial, late);
  table.unhold("room", held.serial, late);
  CHECK_FALSE(table.local_use("room", late).tunnels);
  CHECK_FALSE(table.give_back("room", late + seconds(89)));
  CHECK(table.give_back("room", late + seconds(90)));
}

TEST_CASE("pages do not keep a provisional entry, a tunnel does") {
  Table table(managed());
  table.agree("page", on(3, 1, true));
  table.agree("tunnel", on(3, 1, true));
  CHECK(table.provisional() == 2);
  table.touch("page", kStart);
  table.hold("tunnel", kStart);

  CHECK(table.find_held("page", kStart + seconds(1))->provisional);
  CHECK_FALSE(table.local_use("page", kStart + seconds(1)).held);
  CHECK(table.give_back("page", kStart + seconds(1)));
  CHECK_FALSE(table.give_back("tunnel", kStart + seconds(1)));

  CHECK(table.provisional() == 0);
  CHECK(table.size() == 1);
}

TEST_CASE("what is agreed on is so, whatever its generation; holds and uses are this gate's own") {
  Table table(managed());
  table.agree("room", on(3, 7));
  const auto held = table.hold("room", kStart);
  Entry lower = on(4, 2);
  lower.holds = 99;
  lower.last_used = kStart + seconds(500);

  table.agree("room", lower);

  const auto entry = table.peek("room");
  CHECK(entry->shard == 4);
  CHECK(entry->generation == 2);
  CHECK(entry->holds == 1);
  CHECK(entry->serial == held.serial);
  CHECK(entry->last_used == kStart);
  CHECK(table.rooms_on(3) == 0);
  CHECK(table.rooms_on(4) == 1);
  CHECK(table.unhold("room", held.serial, kStart).known);
}

TEST_CASE("counts provisional entries as they become real and provisional again") {
  Table table(managed());
  table.agree("room", on(3, 1, true));
  table.agree("room", on(3, 2, false));
  CHECK(table.provisional() == 0);
  table.agree("room", on(3, 3, true));
  CHECK(table.provisional() == 1);
  table.hold("room", kStart);
  CHECK(table.provisional() == 0);
  // A tunnel is open: it is as real as can be, until the replica hears of it.
  table.agree("room", on(3, 4, true));
  CHECK(table.provisional() == 0);
  CHECK(table.forget("room"));
  CHECK(table.provisional() == 0);
  CHECK(table.size() == 0);
}

TEST_CASE("time ends nothing in a managed table, and no limit refuses what was agreed on") {
  Limits limits = managed();
  limits.max_entries = 10;
  Table table(limits);
  for (int i = 0; i < 50; ++i) table.agree("room" + std::to_string(i), on(1, 1, i % 2 == 0));

  CHECK(table.tick(kStart + std::chrono::hours(24)).empty());

  CHECK(table.size() == 50);
  CHECK(table.provisional() == 25);
  CHECK(table.evicted() == 0);
}

TEST_CASE("what the process that has taken over says goes into a managed table too, as a use") {
  Table table(managed());
  table.agree("room", on(3, 7));

  table.learn("room", on(4, 1), kStart);

  CHECK(table.find_held("room", kStart + seconds(1))->shard == 4);
}
