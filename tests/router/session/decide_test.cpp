#include "router/session/decide.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <vector>

#include "base/net/sleep.hpp"
#include "tests/router/stick/managed.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::session;
using peers_sync::Outcome;
using peers_sync::Refusal;
using roomgate::tests::run;
using tests::managed;

namespace {

Outcome at(std::string shard, bool created = false) {
  Outcome outcome;
  outcome.home.shard = std::move(shard);
  outcome.created = created;
  return outcome;
}

// Answers as it is told to, after a turn of the core.
struct Script final : Arbiter {
  std::function<Outcome(const peers_sync::Claim&)> on_claim;
  std::function<Outcome(const peers_sync::Elsewhere&)> on_elsewhere;
  std::function<Outcome(const peers_sync::Settle&)> on_settle;
  std::vector<std::string> asked;

  net::Task<Outcome> claim(net::Core& core, peers_sync::Claim claim) override {
    asked.push_back("claim " + claim.key);
    co_await net::yield(core);
    co_return on_claim(claim);
  }
  net::Task<Outcome> elsewhere(net::Core& core, peers_sync::Elsewhere ask) override {
    asked.push_back("elsewhere " + ask.key + " from " + ask.from + (ask.was_in_use ? " in use" : ""));
    co_await net::yield(core);
    co_return on_elsewhere(ask);
  }
  net::Task<Outcome> settle(net::Core& core, peers_sync::Settle settle) override {
    asked.push_back("settle " + settle.key + " to " + settle.to);
    co_await net::yield(core);
    co_return on_settle(settle);
  }
};

struct House {
  std::vector<balance::Shard> list = {{.id = 0, .name = "shard-0", .addresses = {"192.0.2.1:80"}},
                                      {.id = 1, .name = "shard-1", .addresses = {"192.0.2.2:80"}}};
  std::shared_ptr<const balance::ShardSet> shards = std::make_shared<balance::ShardSet>(list);
  stick::Table table{managed()};
  route::Settings settings;
  Script script;
  std::function<bool()> may_create = [] { return true; };

  void publish() { shards = std::make_shared<balance::ShardSet>(list); }
  void agree(std::string_view key, stick::ShardId shard) {
    stick::Entry entry;
    entry.shard = shard;
    table.agree(key, entry);
  }
  Ground ground() { return {table, shards, settings, &script}; }
  route::Request request(std::string_view key) {
    route::Request request;
    request.path.kind = room::PathKind::signalling;
    request.key = key;
    request.may_create = &may_create;
    return request;
  }
};

}  // namespace

TEST_CASE("a room that is held here is decided without a question") {
  House house;
  run([&](net::Core& core) -> net::Task<void> {
    house.agree("room", 1);
    house.table.touch("room", core.now());

    const auto decided = co_await decide(core, house.ground(), house.request("room"));

    CHECK(decided.decision.shard->name == "shard-1");
    CHECK(decided.waited < Duration(0));
    CHECK(house.script.asked.empty());
  });
}

TEST_CASE("a new room is asked for, and a shard that has come meanwhile is known") {
  House house;
  house.script.on_claim = [&](const auto&) {
    house.list.push_back({.id = 2, .name = "shard-2", .addresses = {"192.0.2.3:80"}});
    house.publish();
    return at("shard-2", true);
  };
  run([&](net::Core& core) -> net::Task<void> {
    const auto decided = co_await decide(core, house.ground(), house.request("room"));

    CHECK(decided.decision.shard->name == "shard-2");
    CHECK(decided.decision.why == route::Why::fresh);
    CHECK(decided.shards->by_name("shard-2") == decided.decision.shard);
    CHECK(decided.waited >= Duration(0));
    CHECK(house.script.asked == std::vector<std::string>{"claim room"});
  });
}

TEST_CASE("the limit on new rooms is asked only for rooms that nobody knows") {
  House house;
  house.may_create = [] { return false; };
  house.script.on_claim = [](const auto&) { return at("shard-1"); };
  house.agree("known", 1);
  run([&](net::Core& core) -> net::Task<void> {
    const auto fresh = co_await decide(core, house.ground(), house.request("new"));
    CHECK(fresh.decision.answer == http::Reason::new_rooms_limited);
    CHECK(house.script.asked.empty());

    const auto known = co_await decide(core, house.ground(), house.request("known"));
    CHECK(known.decision.forwards());
    CHECK(house.script.asked.size() == 1);
  });
}

TEST_CASE("without anybody to ask, what is not held is refused") {
  House house;
  run([&](net::Core& core) -> net::Task<void> {
    auto ground = house.ground();
    ground.arbiter = nullptr;
    const auto decided = co_await decide(core, ground, house.request("room"));
    CHECK(decided.decision.answer == http::Reason::no_owner);
    CHECK(house.table.size() == 0);
  });
}

TEST_CASE("a room that nobody is in leaves a shard in maintenance, and one in use waits") {
  House house;
  house.list[0].state = balance::ShardState::maint;
  house.publish();
  house.agree("idle", 0);
  house.agree("used", 0);
  house.script.on_claim = [](const auto&) { return at("shard-0"); };
  house.script.on_elsewhere = [](const peers_sync::Elsewhere& ask) {
    Outcome outcome = at("shard-1");
    outcome.candidate = true;
    if (ask.key == "refused") outcome.refusal = Refusal::stay;
    return outcome;
  };
  house.script.on_settle = [](const auto&) {
    Outcome outcome = at("shard-1");
    outcome.moved = true;
    return outcome;
  };
  run([&](net::Core& core) -> net::Task<void> {
    const auto moved = co_await decide(core, house.ground(), house.request("idle"));
    CHECK(moved.decision.moved_now);
    CHECK(moved.decision.shard->name == "shard-1");
    CHECK(house.script.asked ==
          std::vector<std::string>{"claim idle", "elsewhere idle from shard-0", "settle idle to shard-1"});

    house.table.touch("used", core.now());
    const auto waits = co_await decide(core, house.ground(), house.request("used"));
    CHECK(waits.decision.answer == http::Reason::shard_maintenance);
    CHECK(house.script.asked.size() == 3);

    const auto stays = co_await decide(core, house.ground(), house.request("refused"));
    CHECK(stays.decision.answer == http::Reason::shard_maintenance);
    CHECK(stays.decision.shard == nullptr);
  });
}
