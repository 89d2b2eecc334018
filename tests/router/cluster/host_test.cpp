#include "router/cluster/host.hpp"

#include <doctest/doctest.h>

#include "base/net/sleep.hpp"
#include "router/route/wish.hpp"
#include "tests/router/stick/managed.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::cluster;
using Kind = peers_sync::Host::Chosen::Kind;
using tests::managed;

namespace {

// A host with shards, and what it has told.
struct Fixture {
  explicit Fixture(std::vector<std::string> shards, net::Core& on)
      : core(on), host(on, table, names, [this](Host::News news) { told.push_back(std::move(news)); }) {
    for (const auto& name : shards) {
      balance::Shard shard;
      shard.id = names.id_of(name);
      shard.name = name;
      shard.addresses = {"10.0.0.1:80"};
      all.push_back(shard);
    }
    publish(Clock::now());
  }
  void publish(TimePoint now) { host.set_shards(std::make_shared<const balance::ShardSet>(all), now); }
  std::string wish() const {
    route::Request request;
    const std::string key = "a";
    request.key = key;
    return route::encode(route::wish_of(request, balance::ShardSet(all), {}));
  }

  net::Core& core;
  stick::Table table{managed()};
  balance::ShardNames names;
  std::vector<balance::Shard> all;
  std::vector<Host::News> told;
  Host host;
};

peers_sync::Home home_on(std::string shard, std::uint64_t generation = 1) {
  peers_sync::Home home;
  home.shard = std::move(shard);
  home.generation = generation;
  home.created = Clock::now();
  return home;
}

}  // namespace

TEST_CASE("each owner begins its turn at its rank, so that they do not all begin with the same shard") {
  net::Core core(0);
  std::vector<std::string> first;
  for (std::size_t rank = 0; rank < 3; ++rank) {
    Fixture gate({"shard-0", "shard-1", "shard-2"}, core);
    gate.host.set_rank(rank);

    first.push_back(gate.host.choose({.key = "a", .wish = gate.wish()}, Clock::now()).shard);
  }

  CHECK(first == std::vector<std::string>{"shard-0", "shard-1", "shard-2"});
}

TEST_CASE("a policy goes on with its turn over a reload that leaves it as it is") {
  net::Core core(0);
  Fixture gate({"shard-0", "shard-1"}, core);
  const auto next = [&gate] {
    return gate.host.choose({.key = "a", .wish = gate.wish()}, Clock::now()).shard;
  };

  const auto first = next();
  gate.host.set_rules({}, "roundrobin");

  CHECK(next() != first);
}

TEST_CASE("a room that leaves a shard is not given back to it, and with no other shard to none") {
  net::Core core(0);
  Fixture two({"shard-0", "shard-1"}, core);
  Fixture one({"shard-0"}, core);

  const auto next = two.host.choose({.key = "a", .wish = two.wish(), .from = "shard-0"}, Clock::now());
  const auto none = one.host.choose({.key = "a", .wish = one.wish(), .from = "shard-0"}, Clock::now());

  CHECK(next.kind == Kind::shard);
  CHECK(next.shard == "shard-1");
  CHECK(none.kind == Kind::none);
}

TEST_CASE("a new room goes where HAProxies would look for it, if it may") {
  net::Core core(0);
  Fixture gate({"shard-0", "shard-1"}, core);
  const auto shard_for = [&gate](std::string_view hint) {
    peers_sync::Host::Placement placement;
    placement.key = "a";
    const std::string wish = gate.wish();
    placement.wish = wish;
    placement.hint = hint;
    return gate.host.choose(placement, Clock::now()).shard;
  };
  std::vector<std::string> hinted;
  for (int i = 0; i < 3; ++i) hinted.push_back(shard_for("shard-1"));

  gate.all[1].state = balance::ShardState::drain;
  gate.publish(Clock::now());

  CHECK(hinted == std::vector<std::string>(3, "shard-1"));
  CHECK(shard_for("shard-1") == "shard-0");
  CHECK(shard_for("shard-9") == "shard-0");
}

TEST_CASE("what was agreed on is in the table, with the last use and the holds that this gate has of it") {
  net::Core core(0);
  Fixture gate({"shard-0", "shard-1"}, core);
  gate.host.put("a", home_on("shard-0"));
  const auto unused = gate.host.local_use("a", Clock::now());
  (void)gate.table.hold("a", Clock::now());

  gate.host.put("a", home_on("shard-1", 2));

  const auto entry = gate.table.peek("a");
  REQUIRE(entry);
  CHECK_FALSE(unused.held);
  CHECK(gate.names.name_of(entry->shard) == "shard-1");
  CHECK(entry->generation == 2);
  CHECK(entry->holds == 1);
  CHECK(gate.host.local_use("a", Clock::now()).tunnels);
  CHECK(gate.host.tunnels("a") == 1);
  CHECK_FALSE(gate.host.give_back("a", Clock::now()));
  gate.host.drop("a");
  CHECK_FALSE(gate.table.peek("a"));
}

TEST_CASE("an entry says whether this gate decided it, also when it is said again") {
  net::Core core(0);
  Fixture gate({"shard-0"}, core);
  (void)gate.host.choose({.key = "ours", .wish = gate.wish()}, Clock::now());
  gate.host.put("ours", home_on("shard-0"));
  gate.host.put("theirs", home_on("shard-0"));

  gate.host.put("ours", home_on("shard-0"));

  CHECK(gate.table.peek("ours")->origin == stick::Origin::request);
  CHECK(gate.table.peek("theirs")->origin == stick::Origin::peer);
}

TEST_CASE("a shard that this gate does not know is kept by name") {
  net::Core core(0);
  Fixture gate({"shard-0"}, core);

  gate.host.put("a", home_on("shard-9"));

  CHECK(gate.names.name_of(gate.table.peek("a")->shard) == "shard-9");
}

TEST_CASE("sees what its own checks see, and waits only so long while most shards seem down") {
  net::Core core(0);
  Fixture gate({"shard-0", "shard-1", "shard-2"}, core);
  const TimePoint now = Clock::now();
  const bool before = gate.host.in_panic(now);
  gate.all[0].up = gate.all[1].up = false;

  gate.publish(now);

  CHECK_FALSE(before);
  CHECK(gate.host.sees_down("shard-0"));
  CHECK_FALSE(gate.host.sees_down("shard-2"));
  CHECK_FALSE(gate.host.sees_down("shard-9"));
  CHECK(gate.host.shards_down() == std::vector<std::string>{"shard-0", "shard-1"});
  CHECK(gate.host.in_panic(now + seconds(29)));
  CHECK_FALSE(gate.host.in_panic(now + seconds(30)));
  gate.publish(now + seconds(20));  // it goes on, and is no new one
  CHECK_FALSE(gate.host.in_panic(now + seconds(30)));
  gate.all[0].up = true;
  gate.publish(now + seconds(40));
  CHECK_FALSE(gate.host.in_panic(now + seconds(40)));
}

TEST_CASE("people in a room are known where there is a census") {
  net::Core core(0);
  Fixture gate({"shard-0"}, core);
  const auto before = gate.host.participants("a", "shard-0");

  gate.host.set_census([](std::string_view, std::string_view) { return std::optional<std::size_t>(3); });

  CHECK_FALSE(before);
  CHECK(gate.host.participants("a", "shard-0") == 3);
}

TEST_CASE("what happens in one turn is told together") {
  tests::run([](net::Core& core) -> net::Task<void> {
    Fixture gate({"shard-0", "shard-1"}, core);
    peers_sync::Home home = home_on("shard-1", 2);
    home.placed = static_cast<std::uint8_t>(stick::Placed::drained);
    gate.host.moved("a", "shard-0", home);
    gate.host.moved("b", "shard-0", home_on("shard-1", 2));
    gate.host.heard({.name = "ban/room/a", .value = "403", .version = 1, .by = "gate-b"});
    gate.host.ready_changed(false);
    gate.host.ready_changed(true);
    const bool at_once = !gate.told.empty();

    co_await net::yield(core);
    co_await net::yield(core);

    CHECK_FALSE(at_once);
    REQUIRE(gate.told.size() == 1);
    const Host::News& news = gate.told.front();
    REQUIRE(news.moved.size() == 2);
    CHECK(news.moved[0].key == "a");
    CHECK(news.moved[0].from == "shard-0");
    CHECK(news.moved[0].to == "shard-1");
    CHECK(news.moved[0].drained);
    CHECK_FALSE(news.moved[1].drained);
    CHECK(news.heard.size() == 1);
    CHECK(news.ready == true);
  });
}
