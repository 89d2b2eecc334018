#include "peers-sync/claim/node.hpp"

#include <doctest/doctest.h>

#include "tests/peers-sync/claim/gates.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::claim;

TEST_CASE("a gate that is alone decides at once") {
  Gates gates(1);
  REQUIRE(gates.ready());

  const auto answer = gates.claim(0, "room");

  REQUIRE(answer->has_value());
  CHECK((*answer)->created);
  CHECK((*answer)->home.generation == 1);
  CHECK(gates.host(0).table.at("room") == (*answer)->home);
  CHECK(gates.node(0).facts("room", gates.now()).holders == std::vector<std::string>{"a"});
}

TEST_CASE("simultaneous first claims at all gates get one answer") {
  for (const std::size_t count : {std::size_t{2}, std::size_t{3}, std::size_t{5}}) {
    CAPTURE(count);
    Gates gates(count);
    REQUIRE(gates.ready());

    for (int n = 0; n < 50; ++n) {
      const std::string key = "room" + std::to_string(n);
      std::vector<std::shared_ptr<std::optional<Outcome>>> answers;
      for (std::size_t i = 0; i < count; ++i) answers.push_back(gates.claim(i, key));
      gates.run(milliseconds(20));

      std::size_t created = 0;
      for (const auto& answer : answers) {
        REQUIRE(answer->has_value());
        CHECK((*answer)->refusal == Refusal::none);
        CHECK((*answer)->home.shard == (*answers[0])->home.shard);
        created += (*answer)->created ? 1U : 0U;
      }
      CHECK(created == 1);
      for (std::size_t i = 0; i < count; ++i) CHECK(gates.host(i).table.contains(key));
    }
    CHECK(gates.malformed == 0);
  }
}

TEST_CASE("an owner that starts again knows what it decided") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);
  const Outcome before = gates.ask(1, key);

  gates.kill(0);
  gates.run(seconds(2));
  gates.start(0);
  REQUIRE(gates.ready());
  const Outcome after = gates.ask(0, key);

  CHECK(before.home.shard == after.home.shard);
  CHECK_FALSE(after.created);
  CHECK(gates.node(1).split_rooms(10).empty());
}

TEST_CASE("who inherits a key knows what its owner told one gate before it died") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);
  // The third gate gets nothing of rooms from the owner any more.
  gates.pass = [](std::size_t from, std::size_t to, const Packet& packet) {
    return !(from == 0 && to == 2 && packet.type == kLog);
  };

  const Outcome before = gates.ask(1, key);
  gates.kill(0);
  gates.pass = nullptr;
  const auto one = gates.claim(1, key);
  const auto other = gates.claim(2, key);
  gates.run(seconds(3));

  REQUIRE(other->has_value());
  CHECK((*other)->home.shard == before.home.shard);
  CHECK((*one)->home.shard == before.home.shard);
  CHECK(gates.node(2).facts(key, gates.now()).home->shard == before.home.shard);
}

TEST_CASE("a room that nobody uses is released by all") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const Outcome before = gates.ask(0, "room");
  gates.run(milliseconds(50));
  REQUIRE(gates.host(1).table.contains("room"));

  gates.run(std::chrono::minutes(15));

  for (std::size_t i = 0; i < 3; ++i) {
    CHECK_FALSE(gates.host(i).table.contains("room"));
    CHECK_FALSE(gates.node(i).facts("room", gates.now()).home);
  }
  const Outcome after = gates.ask(1, "room");
  CHECK(after.created);
  CHECK(after.home.generation == before.home.generation + 1);
}

TEST_CASE("a room with a tunnel at one gate is kept for as long as that") {
  Gates gates(3);
  REQUIRE(gates.ready());
  gates.ask(1, "room");
  gates.host(1).tunnels.insert("room");

  gates.run(std::chrono::minutes(60));

  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(gates.node(i).facts("room", gates.now()).home);
    CHECK(gates.node(i).facts("room", gates.now()).holders == std::vector<std::string>{"b"});
  }
}

TEST_CASE("a release is called off when a gate cannot be asked") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);
  const Outcome before = gates.ask(0, key);
  gates.pass = [](std::size_t, std::size_t to, const Packet& packet) {
    return !(packet.type == kRelease && to == 2);
  };

  gates.run(std::chrono::minutes(15));

  const Outcome after = gates.ask(1, key);
  CHECK_FALSE(after.created);
  CHECK(after.home.shard == before.home.shard);
}

TEST_CASE("a page makes a provisional room, which goes soon, or stays with the first signalling request") {
  Gates gates(2);
  REQUIRE(gates.ready());
  const Outcome page = gates.ask(0, "page", Use::page);
  gates.ask(0, "both", Use::page);
  CHECK(page.home.provisional);

  gates.run(seconds(1));
  CHECK_FALSE(gates.ask(1, "both").created);
  gates.run(std::chrono::minutes(2));

  CHECK_FALSE(gates.node(1).facts("page", gates.now()).home);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(gates.node(i).facts("both", gates.now()).home);
    CHECK_FALSE(gates.node(i).facts("both", gates.now()).home->provisional);
    CHECK_FALSE(gates.host(i).table.at("both").provisional);
  }
}

TEST_CASE("a room that a dead gate held is kept for the grace") {
  Gates gates(3, {.idle = seconds(30), .recent = seconds(5), .reconnect_grace = std::chrono::minutes(2)});
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(1);
  const Outcome before = gates.ask(0, key);
  gates.host(0).tunnels.insert(key);
  gates.run(std::chrono::minutes(5));

  gates.kill(0);
  gates.run(seconds(100));
  const Outcome within = gates.ask(2, key);
  CHECK_FALSE(within.created);
  CHECK(within.home.shard == before.home.shard);
  gates.run(std::chrono::minutes(10));

  CHECK_FALSE(gates.node(1).facts(key, gates.now()).home);
}

TEST_CASE("what a partition split is judged once, and only the loser's gates are told to leave") {
  Gates gates(2);
  REQUIRE(gates.ready());
  gates.cut(0, 1);
  gates.run(seconds(3));
  gates.host(0).shards = {"s1"};
  gates.host(1).shards = {"s2"};
  const Outcome first = gates.ask(0, "room");
  gates.run(seconds(1));
  const Outcome second = gates.ask(1, "room");
  const Outcome used = gates.ask(1, "used");
  gates.host(1).tunnels.insert("used");
  gates.ask(0, "used", Use::page);
  CHECK(first.home.shard == "s1");
  CHECK(second.home.shard == "s2");

  gates.mend(0, 1);
  gates.run(seconds(2));

  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(gates.shard(i, "room") == "s1");  // both in use: the older
    CHECK(gates.shard(i, "used") == "s2");  // in use on one side
    CHECK(gates.node(i).facts("room", gates.now()).home->generation == 2);
    CHECK(gates.node(i).split_rooms(10).empty());
  }
  CHECK(gates.host(0).moves == std::vector<std::string>{"used: s1 -> s2"});
  CHECK(gates.host(1).moves == std::vector<std::string>{"room: s2 -> s1"});
  CHECK(used.home.generation == 1);
}

TEST_CASE("while a gate is missing rooms are placed by hash") {
  Gates gates(2);
  REQUIRE(gates.ready());
  gates.ask(0, "before");
  CHECK_FALSE((gates.host(0).by_hash || gates.host(1).by_hash));

  gates.cut(0, 1);
  gates.run(seconds(3));
  gates.ask(0, "after");

  CHECK(gates.host(0).by_hash);
}

TEST_CASE("a room not in use goes elsewhere at once, one in use when most gates see its shard down") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string shard = gates.ask(0, "room").home.shard;
  std::optional<Outcome> outcome;
  const auto done = [&](const Outcome& its) { outcome = its; };
  const auto elsewhere = [&](bool in_use) {
    outcome.reset();
    gates.node(0).elsewhere({.key = "room", .from = shard, .was_in_use = in_use}, done, gates.now());
    gates.run(milliseconds(50));
    REQUIRE(outcome);
    return *outcome;
  };

  CHECK(elsewhere(false).candidate);
  CHECK(elsewhere(true).refusal == Refusal::stay);
  gates.host(0).down.insert(shard);
  gates.node(0).shards_down_changed(gates.now());
  gates.run(milliseconds(200));
  CHECK(elsewhere(true).refusal == Refusal::stay);
  gates.host(1).down.insert(shard);
  gates.node(1).shards_down_changed(gates.now());
  gates.run(milliseconds(200));
  const Outcome candidate = elsewhere(true);
  REQUIRE(candidate.candidate);
  CHECK(candidate.home.shard != shard);

  outcome.reset();
  gates.node(0).settle({.key = "room", .from = shard, .to = candidate.home.shard, .was_in_use = true}, done,
                       gates.now());
  gates.run(milliseconds(50));

  REQUIRE(outcome);
  CHECK(outcome->moved);
  for (std::size_t i = 0; i < 3; ++i) CHECK(gates.shard(i, "room") == candidate.home.shard);
}

TEST_CASE("in a panic rooms in use stay, those not in use go") {
  Gates gates(1);
  REQUIRE(gates.ready());
  const std::string shard = gates.ask(0, "room").home.shard;
  gates.host(0).down.insert(shard);
  gates.host(0).panic = true;
  std::optional<Outcome> outcome;
  const auto done = [&](const Outcome& its) { outcome = its; };

  gates.node(0).elsewhere({.key = "room", .from = shard, .was_in_use = true}, done, gates.now());
  CHECK(outcome->refusal == Refusal::stay);
  gates.node(0).elsewhere({.key = "room", .from = shard}, done, gates.now());
  CHECK(outcome->candidate);
}

TEST_CASE("what operators say of a room holds at all gates, and unknown rooms stay unknown") {
  Gates gates(3);
  REQUIRE(gates.ready());
  gates.ask(0, "room");
  std::optional<Outcome> outcome;
  const auto done = [&](const Outcome& its) { outcome = its; };

  gates.node(2).move("room", "s9", 3, done, gates.now());
  gates.run(milliseconds(50));
  REQUIRE(outcome);
  CHECK(outcome->moved);
  for (std::size_t i = 0; i < 3; ++i) CHECK(gates.shard(i, "room") == "s9");
  CHECK(gates.host(0).moves.size() == 1);

  outcome.reset();
  gates.node(1).forget("room", done, gates.now());
  gates.run(milliseconds(50));
  REQUIRE(outcome);
  CHECK(outcome->refusal == Refusal::none);
  for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(gates.host(i).table.contains("room"));

  outcome.reset();
  gates.node(0).forget("nobody's", done, gates.now());
  gates.run(milliseconds(50));
  REQUIRE(outcome);
  CHECK(outcome->refusal == Refusal::stay);
}

TEST_CASE("a full table lets idle rooms go, never those in use") {
  Gates gates(2, {.max_entries = 100});
  REQUIRE(gates.ready());
  for (int n = 0; n < 60; ++n) {
    const std::string key = "used" + std::to_string(n);
    REQUIRE(gates.ask(static_cast<std::size_t>(n % 2), key).created);
    gates.host(static_cast<std::size_t>(n % 2)).tunnels.insert(key);
  }
  for (int n = 0; n < 30; ++n) gates.ask(0, "idle" + std::to_string(n));
  gates.run(std::chrono::minutes(4));  // no request of the idle ones is recent any more

  std::size_t created = 0;
  for (int n = 0; n < 40; ++n) created += gates.ask(1, "new" + std::to_string(n)).created ? 1U : 0U;

  CHECK(created == 40);
  for (int n = 0; n < 60; ++n) CHECK(gates.node(0).facts("used" + std::to_string(n), gates.now()).home);
  for (int n = 0; n < 20; ++n) {
    const auto outcome = gates.ask(0, "more" + std::to_string(n));
    CHECK((outcome.created || outcome.refusal == Refusal::table_full));
  }
  CHECK(gates.ask(0, "the last").refusal == Refusal::table_full);
  for (int n = 0; n < 60; ++n) CHECK(gates.node(1).facts("used" + std::to_string(n), gates.now()).home);
}

TEST_CASE("the smallest table of those who are here limits all, and no room in use goes for it") {
  Gates gates(2, {.max_entries = 100});
  gates.kill(1);
  gates.run(seconds(1));
  gates.set_max_entries(40);
  gates.start(1);
  REQUIRE(gates.ready());
  CHECK(gates.node(0).status(gates.now()).table_limit == 40);
  for (int n = 0; n < 20; ++n) {
    const std::string key = "used" + std::to_string(n);
    REQUIRE(gates.ask(static_cast<std::size_t>(n % 2), key).created);
    gates.host(static_cast<std::size_t>(n % 2)).tunnels.insert(key);
  }
  for (int n = 0; n < 10; ++n) gates.ask(0, "idle" + std::to_string(n));
  gates.run(std::chrono::minutes(4));  // no request of the idle ones is recent any more

  std::size_t most = 0;
  for (int n = 0; n < 60; ++n) {
    gates.ask(0, "new" + std::to_string(n));
    most = std::max(most, gates.host(1).table.size());
  }

  CHECK(most == 40);
  CHECK(gates.ask(0, "the last").refusal == Refusal::table_full);
  for (int n = 0; n < 20; ++n) {
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(gates.node(i).facts("used" + std::to_string(n), gates.now()).home);
    }
  }
  // Without it there is place again.
  gates.kill(1);
  REQUIRE(gates.run_until([&] { return gates.node(0).status(gates.now()).table_limit == 100; }));
  REQUIRE(gates.run_until([&] { return gates.node(0).status(gates.now()).may_decide; }));
  CHECK(gates.ask(0, "one more").created);
}

namespace {

std::uint64_t asks_dropped(Gates& gates, std::size_t by, std::size_t of) {
  for (const PeerRow& row : gates.node(by).peers(gates.now())) {
    if (gates.index(row.name) == of) return row.asks_dropped;
  }
  return 0;
}

}  // namespace

TEST_CASE("what a gate asks beyond its budget is dropped and counted, and the others' asks are not") {
  Gates gates(3, {.max_claims = 200, .asks_per_second = 100});
  REQUIRE(gates.ready());
  std::optional<Packet> asked;
  gates.pass = [&](std::size_t from, std::size_t to, const Packet& packet) {
    if (from == 1 && to == 0 && packet.type == kAsk) asked = packet;
    return true;
  };
  REQUIRE(gates.ask(1, gates.key_owned_by(0)).created);
  REQUIRE(asked);

  gates.repeat(1, 0, *asked, 10'000);
  const auto answer = gates.claim(2, gates.key_owned_by(0, "other"));
  gates.run(milliseconds(10));

  REQUIRE(answer->has_value());
  CHECK((*answer)->created);
  CHECK(asks_dropped(gates, 0, 1) >= 9'790);
  CHECK(asks_dropped(gates, 0, 2) == 0);
  // By its rate it is heard again.
  const std::uint64_t dropped = asks_dropped(gates, 0, 1);
  gates.run(seconds(1));
  gates.repeat(1, 0, *asked, 90);
  gates.run(milliseconds(10));
  CHECK(asks_dropped(gates, 0, 1) == dropped);
}

TEST_CASE("what many asks of one gate wait for at an owner leaves place for those of another") {
  Gates gates(3, {.lease = seconds(1), .max_claims = 200});
  REQUIRE(gates.ready());
  std::vector<std::string> keys;
  for (int n = 0; keys.size() < 200; ++n) {
    const std::string key = "many" + std::to_string(n);
    if (gates.owner(key) == 0) keys.push_back(key);
  }
  bool heard = false;
  gates.pass = [&](std::size_t, std::size_t to, const Packet& packet) {
    return heard || to != 0 || packet.type != kStatus;
  };
  REQUIRE(gates.run_until([&] { return !gates.node(0).status(gates.now()).may_decide; }));
  for (const std::string& key : keys) gates.claim(1, key);
  gates.run(milliseconds(10));

  const auto answer = gates.claim(2, gates.key_owned_by(0));
  gates.run(milliseconds(10));
  CHECK_FALSE(answer->has_value());
  heard = true;
  gates.run(milliseconds(150));  // before it would be asked again

  REQUIRE(answer->has_value());
  CHECK((*answer)->created);
}

TEST_CASE("pages may have a share of the table only") {
  Gates gates(1, {.max_entries = 100, .provisional_share = 0.2});
  REQUIRE(gates.ready());

  for (int n = 0; n < 20; ++n) CHECK(gates.ask(0, "page" + std::to_string(n), Use::page).created);

  CHECK(gates.ask(0, "page", Use::page).refusal == Refusal::page_full);
  CHECK(gates.ask(0, "room").created);
}

TEST_CASE("a gate that comes to a table of 100,000 rooms has all of it before it is a member") {
  Gates gates(2);
  gates.kill(1);
  REQUIRE(gates.run_until([&] { return gates.node(0).status(gates.now()).may_decide; }));
  gates.node(0).say("shard/s1", "somewhere", gates.now());
  for (int n = 0; n < 100'000; ++n) {
    gates.node(0).adopt("room" + std::to_string(n), {.shard = "s" + std::to_string(n % 3)}, gates.now());
  }
  gates.run(milliseconds(1));
  REQUIRE(gates.host(0).table.size() == 100'000);

  gates.start(1);
  const TimePoint before = gates.now();
  bool asked_early = false;
  REQUIRE(gates.run_until([&] {
    asked_early = asked_early || (gates.node(1).ready() && gates.host(1).table.size() < 100'000);
    return gates.node(1).ready();
  }));
  const auto took = std::chrono::duration_cast<milliseconds>(gates.now() - before).count();
  MESSAGE("took " << took << " ms, " << gates.packets << " packets");

  CHECK_FALSE(asked_early);
  CHECK(gates.host(1).table.size() == 100'000);
  CHECK(gates.host(1).words.at("shard/s1") == "somewhere");
  CHECK(gates.shard(1, "room77777") == "s2");
  CHECK(gates.malformed == 0);
}

TEST_CASE("a lesson survives that parts of it are lost") {
  Gates gates(2);
  gates.kill(1);
  REQUIRE(gates.run_until([&] { return gates.node(0).status(gates.now()).may_decide; }));
  for (int n = 0; n < 5'000; ++n) {
    gates.node(0).adopt("room" + std::to_string(n), {.shard = "s1"}, gates.now());
  }
  gates.run(milliseconds(1));
  int count = 0;
  gates.pass = [&](std::size_t, std::size_t, const Packet& packet) {
    return packet.type == kStatus || ++count % 5 != 0;
  };

  gates.start(1);

  CHECK(gates.ready());
  CHECK(gates.host(1).table.size() == 5'000);
}

TEST_CASE("words are the same everywhere in the end, whoever said what when") {
  Gates gates(3);
  REQUIRE(gates.ready());
  gates.node(0).say("shard-state/s1", "drain", gates.now());
  gates.node(1).say("shard-state/s1", "ready", gates.now());
  gates.run(milliseconds(50));

  // Of one version: the higher name's.
  CHECK(gates.host(0).words.at("shard-state/s1") == "ready");
  CHECK(gates.host(2).words.at("shard-state/s1") == "ready");
  CHECK_FALSE(gates.host(1).words.contains("shard-state/s1"));

  gates.node(0).say("shard-state/s1", "", gates.now());
  gates.run(milliseconds(50));
  CHECK(gates.host(1).words.at("shard-state/s1").empty());
}

TEST_CASE("gates without a session between them agree through a third") {
  Gates gates(3);
  gates.cut(0, 2);

  REQUIRE(gates.ready());
  for (int n = 0; n < 30; ++n) {
    const std::string key = "room" + std::to_string(n);
    const auto one = gates.claim(0, key);
    const auto other = gates.claim(2, key);
    gates.run(milliseconds(20));
    REQUIRE(one->has_value());
    REQUIRE(other->has_value());
    CHECK((*one)->home.shard == (*other)->home.shard);
  }
  CHECK(gates.malformed == 0);
}

TEST_CASE("a claim ends without an owner who can be reached") {
  Gates gates(2);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(1);
  gates.pass = [](std::size_t, std::size_t, const Packet& packet) { return packet.type != kAsk; };

  const auto answer = gates.claim(0, key);
  gates.run(milliseconds(2900));
  CHECK_FALSE(answer->has_value());
  gates.run(milliseconds(200));

  REQUIRE(answer->has_value());
  CHECK((*answer)->refusal == Refusal::no_owner);
}

TEST_CASE("a gate that leaves says so, and nobody waits for it") {
  Gates gates(2);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);

  gates.node(0).leave(gates.now());
  REQUIRE(gates.run_until([&] { return gates.node(0).has_left(); }, seconds(1)));
  const auto answer = gates.claim(1, key);
  gates.run(milliseconds(500));

  CHECK(gates.node(1).status(gates.now()).missing.empty());
  CHECK(gates.node(1).status(gates.now()).view == std::vector<std::string>{"b"});
  REQUIRE(answer->has_value());
  CHECK((*answer)->created);
}

TEST_CASE("one that resigned goes on asking, and its rooms are decided elsewhere at once") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string its_own = gates.key_owned_by(2, "own");
  const std::string its_other = gates.key_owned_by(2, "other");

  gates.node(2).resign(gates.now());
  const auto there = gates.claim(0, its_own);
  const auto here = gates.claim(2, its_other);
  gates.run(milliseconds(50));

  REQUIRE(there->has_value());
  REQUIRE(here->has_value());
  CHECK((*there)->created);
  CHECK((*here)->refusal == Refusal::none);
  CHECK(gates.host(2).choices == 0);
  // And it holds its rooms as before: they are not released, and what is moved is heard.
  gates.host(2).tunnels.insert(its_other);
  gates.run(std::chrono::minutes(30));
  CHECK(gates.shard(0, its_other) == (*here)->home.shard);
  CHECK(gates.shard(0, its_own).empty());
  CHECK(gates.ask(2, its_other).home.shard == (*here)->home.shard);
  CHECK(gates.ask(2, its_own).home.generation == 2);
}

TEST_CASE("what one that resigned said afterwards counts when it is gone") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);
  gates.node(2).resign(gates.now());
  gates.run(milliseconds(50));
  // Its hold reaches one of the others only.
  gates.pass = [](std::size_t from, std::size_t to, const Packet& packet) {
    return from != 2 || to != 1 || packet.type != kLog;
  };
  REQUIRE(gates.ask(2, key).refusal == Refusal::none);
  gates.run(milliseconds(50));
  REQUIRE(gates.node(1).facts(key, gates.now()).holders.empty());

  gates.kill(2);
  gates.run(seconds(3));

  CHECK(gates.node(1).facts(key, gates.now()).holders == std::vector<std::string>{"c"});
}

TEST_CASE(
    "a gate that was away for an hour forgets the rooms that nobody uses there, and learns the others'") {
  Gates gates(3);
  REQUIRE(gates.ready());
  const std::string key = gates.key_owned_by(0);
  const std::string own = gates.key_owned_by(2, "own");
  gates.cut(0, 2);
  gates.cut(1, 2);
  gates.run(seconds(10));
  REQUIRE(gates.ask(0, key).refusal == Refusal::none);
  gates.host(0).tunnels.insert(key);
  // There it ends and is made anew, and one that is used all the time is there alone.
  REQUIRE(gates.ask(2, own).refusal == Refusal::none);
  gates.host(2).tunnels.insert(own);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(gates.ask(2, key).refusal == Refusal::none);
    gates.run(std::chrono::minutes(14));
  }
  REQUIRE(gates.ask(2, key).home.generation > 2);
  gates.run(std::chrono::minutes(3));
  REQUIRE(gates.node(2).facts(key, gates.now()).home);

  gates.mend(0, 2);
  gates.mend(1, 2);

  REQUIRE(gates.ready());
  CHECK(gates.host(0).moves.empty());
  CHECK(gates.node(0).facts(key, gates.now()).home->generation == 1);
  CHECK(gates.ask(2, key).home.shard == gates.shard(0, key));
  CHECK(gates.host(2).moves.empty());
  CHECK(gates.shard(0, own) == gates.shard(2, own));
  CHECK_FALSE(gates.shard(2, own).empty());
}

TEST_CASE("a malformed packet is said to be so, and changes nothing") {
  Gates gates(2);
  REQUIRE(gates.ready());
  gates.ask(0, "room");
  gates.run(milliseconds(50));
  std::vector<Packet> packets;
  gates.pass = [&](std::size_t, std::size_t to, const Packet& packet) {
    if (to == 1 && packet.type != kStatus) packets.push_back(packet);
    return true;
  };
  gates.ask(0, "another");
  gates.node(0).say("word", "value", gates.now());
  gates.pass = nullptr;
  gates.run(milliseconds(50));
  const std::uint64_t before = gates.node(1).last_change();
  REQUIRE_FALSE(packets.empty());

  for (const Packet& packet : packets) {
    for (std::size_t size = 0; size < packet.body.size(); ++size) {
      CHECK_FALSE(
          gates.node(1).receive("a", packet.type, as_bytes(packet.body.substr(0, size)), gates.now()));
    }
    CHECK_FALSE(gates.node(1).receive("a", packet.type, as_bytes(packet.body + "x"), gates.now()));
  }

  CHECK(gates.node(1).last_change() == before);
  CHECK(gates.node(1).facts("room", gates.now()).home);
}

TEST_CASE("the order of changes says what HAProxy is to be told") {
  Gates gates(2);
  REQUIRE(gates.ready());
  const std::string own = gates.key_owned_by(0);
  const std::string others = gates.key_owned_by(1);
  gates.ask(0, own);
  gates.ask(0, others);
  gates.run(milliseconds(50));

  std::vector<std::string> seen;
  std::uint64_t position = 0;
  gates.node(0).changed_since(0, [&](const Node::Item& item) {
    seen.push_back(std::string(item.key) + (item.decided_here ? " ours" : "") + (item.held ? " held" : ""));
    position = item.position;
    return true;
  });

  CHECK(seen == std::vector<std::string>{own + " ours held", others + " held"});
  CHECK(position == gates.node(0).last_change());
}

TEST_CASE("who is in a room that an operator forgets has to leave when it is somewhere else") {
  Gates gates(2);
  REQUIRE(gates.ready());
  gates.host(0).shards = gates.host(1).shards = {"s1"};
  gates.ask(0, "room");
  gates.host(0).tunnels.insert("room");

  gates.node(1).forget(
      "room", [](const Outcome&) {}, gates.now());
  gates.run(milliseconds(50));
  CHECK_FALSE(gates.host(0).table.contains("room"));
  gates.host(0).shards = gates.host(1).shards = {"s2"};
  gates.ask(1, "room");
  gates.run(milliseconds(50));

  CHECK(gates.host(0).moves == std::vector<std::string>{"room: s1 -> s2"});
  CHECK(gates.shard(0, "room") == "s2");
}
