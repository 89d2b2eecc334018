#include "router/cluster/cluster.hpp"

#include <doctest/doctest.h>

#include "tests/router/cluster/lone_replica.hpp"
#include "tests/router/cluster/on_cores.hpp"
#include "tests/router/stick/managed.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::cluster;
using peers_sync::Outcome;
using peers_sync::Refusal;
using tests::LoneReplica;
using tests::managed;
using tests::On;

namespace {

// A gate's side of things, with replicas that are alone.
struct Fixture {
  Fixture()
      : cluster(
            {runtime, table, names, metrics}, "gate-a",
            [this](net::Core&, peers_sync::Host& host, std::uint64_t life) { return make(host, life); },
            [this](Host::News news) { told.push_back(std::move(news)); }) {
    balance::Shard shard;
    shard.id = names.id_of("shard-0");
    shard.name = "shard-0";
    shard.addresses = {"10.0.0.1:80"};
    cluster.set_shards(std::make_shared<const balance::ShardSet>(std::vector{shard}));
  }
  Cluster::Made make(peers_sync::Host& host, std::uint64_t life) {
    lives.push_back(life);
    if (refuses) return fail(std::string("address in use"));
    auto made = std::make_unique<LoneReplica>(host);
    replica = made.get();
    return std::unique_ptr<peers_sync::Replica>(std::move(made));
  }
  net::Task<Result<void, std::string>> start() {
    net::Event begun(runtime.control());
    Result<void, std::string> result;
    cluster.start([&](Result<void, std::string> how) {
      result = std::move(how);
      begun.set();
    });
    (void)co_await begun.wait(TimePoint::max());
    co_return result;
  }
  net::Task<void> told_of(std::function<void(std::function<void()>)> ask) {
    net::Event done(runtime.control());
    ask([&done] { done.set(); });
    (void)co_await done.wait(TimePoint::max());
  }
  void run(const std::function<net::Task<void>(net::Core&)>& body) {
    tests::run_on(On::control, runtime, body);
  }

  Metrics metrics;
  stick::Table table{managed()};
  balance::ShardNames names;
  net::Runtime runtime{{.threads = 1, .peers = true}};
  std::vector<std::uint64_t> lives;
  LoneReplica* replica = nullptr;  // the last one made
  bool refuses = false;
  std::vector<Host::News> told;
  Cluster cluster;
};

void put(Fixture& gate, std::string_view key, std::uint64_t generation) {
  stick::Entry entry;
  entry.shard = gate.names.id_of("shard-0");
  entry.generation = generation;
  entry.created = Clock::now();
  gate.table.agree(key, entry);
}

}  // namespace

TEST_CASE("begins with what the table has, and says so when it may be asked") {
  Fixture gate;
  put(gate, "a", 7);
  bool begun = false;

  gate.run([&](net::Core&) -> net::Task<void> {
    const auto result = co_await gate.start();
    begun = result.ok();
    co_await gate.cluster.look();
  });

  CHECK(begun);
  REQUIRE(gate.replica->homes.contains("a"));
  CHECK(gate.replica->homes["a"].shard == "shard-0");
  CHECK(gate.replica->homes["a"].generation == 7);
  CHECK(gate.cluster.seen().status.state == "member");
}

TEST_CASE("a replica that cannot begin is an error, and nothing is decided") {
  Fixture gate;
  gate.refuses = true;
  std::string error;
  Outcome outcome;

  gate.run([&](net::Core& core) -> net::Task<void> {
    const auto result = co_await gate.start();
    if (!result) error = result.error();
    peers_sync::Claim claim;
    claim.key = "a";
    outcome = co_await gate.cluster.arbiter().claim(core, std::move(claim));
  });

  CHECK(error == "address in use");
  CHECK(outcome.refusal == Refusal::no_owner);
}

TEST_CASE("once it has left for another process it answers nothing, and comes back with a higher life") {
  Fixture gate;
  Outcome away;
  Outcome back;
  bool ready_away = true;

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    co_await gate.told_of([&](std::function<void()> gone) { gate.cluster.retire(std::move(gone)); });
    ready_away = gate.cluster.ready();
    away = co_await gate.cluster.forget("a");
    put(gate, "a", 3);
    (void)co_await gate.start();
    back = co_await gate.cluster.forget("a");
  });

  CHECK_FALSE(ready_away);
  CHECK(away.refusal == Refusal::no_owner);
  CHECK(back.refusal == Refusal::none);
  REQUIRE(gate.lives.size() == 2);
  CHECK(gate.lives[1] > gate.lives[0]);
}

TEST_CASE("says goodbye, and that everybody has heard it") {
  Fixture gate;

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    co_await gate.told_of([&](std::function<void()> left) { gate.cluster.leave(std::move(left)); });
  });

  CHECK(gate.replica->has_left);
}

TEST_CASE("an operator's move is everybody's: the table has it, and who is at the old shard is told of") {
  Fixture gate;
  put(gate, "a", 1);
  Outcome moved;
  Outcome unknown;

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    moved = co_await gate.cluster.move("a", "shard-1", stick::Placed::by_hand);
    unknown = co_await gate.cluster.move("b", "shard-1", stick::Placed::by_hand);
    co_await gate.cluster.look();
  });

  CHECK(moved.home.generation == 2);
  CHECK(gate.names.name_of(gate.table.peek("a")->shard) == "shard-1");
  CHECK(unknown.refusal == Refusal::stay);
  REQUIRE(gate.told.size() >= 1);
  REQUIRE(gate.told.back().moved.size() == 1);
  CHECK(gate.told.back().moved[0].from == "shard-0");
}

TEST_CASE("of a drain's rooms this gate moves those that it owns, and that are still there") {
  Fixture gate;
  put(gate, "ours", 1);
  put(gate, "left", 1);

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    gate.cluster.move_if_ours("left", "shard-2", "shard-1", stick::Placed::drained);
    gate.cluster.move_if_ours("ours", "shard-0", "shard-1", stick::Placed::drained);
    co_await gate.cluster.look();
    gate.replica->owner = "gate-b";
    gate.cluster.move_if_ours("ours", "shard-1", "shard-0", stick::Placed::drained);
    co_await gate.cluster.look();
  });

  CHECK(gate.replica->homes["left"].generation == 1);
  CHECK(gate.replica->homes["ours"].shard == "shard-1");
  CHECK(gate.replica->homes["ours"].placed == static_cast<std::uint8_t>(stick::Placed::drained));
}

TEST_CASE("facts, split rooms and words go their way") {
  Fixture gate;
  put(gate, "a", 1);
  Cluster::Room room;
  Cluster::Split split;

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    gate.replica->split = {"a"};
    gate.cluster.say("ban/room/x", "403");
    gate.replica->tunnels_elsewhere = 5;
    room = co_await gate.cluster.room("a");
    split = co_await gate.cluster.split_rooms(10);
  });

  REQUIRE(room.facts.home);
  CHECK(room.facts.owner == "gate-a");
  CHECK(room.tunnels_elsewhere == 5);
  CHECK(room.all_counted);
  REQUIRE(split.size() == 1);
  CHECK(split[0].first == "a");
  CHECK(gate.replica->said == std::vector<std::pair<std::string, std::string>>{{"ban/room/x", "403"}});
}

TEST_CASE("counts of a replica are added to those of the one before it") {
  Fixture gate;
  const auto row = [](std::uint64_t in) {
    peers_sync::PeerRow peer;
    peer.name = "gate-b";
    peer.updates_in = in;
    peer.asks_dropped = in * 10;
    return peer;
  };

  gate.run([&](net::Core&) -> net::Task<void> {
    (void)co_await gate.start();
    gate.replica->rows = {row(5)};
    gate.replica->splits = 2;
    gate.replica->clamped = 1;
    co_await gate.cluster.look();
    gate.replica->rows = {row(8)};
    co_await gate.cluster.look();
    (void)co_await gate.start();
    gate.replica->rows = {row(4)};
    gate.replica->splits = 1;
    co_await gate.cluster.look();
  });

  CHECK(gate.metrics.peer_updates.with({"gate-b", "in"}).value() == 12);
  CHECK(gate.metrics.peer_asks_dropped.with({"gate-b"}).value() == 120);
  CHECK(gate.metrics.split_rooms.with({}).value() == 3);
  CHECK(gate.metrics.clamped_times.with({}).value() == 1);
}
