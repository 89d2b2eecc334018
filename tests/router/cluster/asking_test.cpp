#include "router/cluster/asking.hpp"

#include <doctest/doctest.h>

#include "router/cluster/host.hpp"
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

// Questions to a replica with one shard.
struct Fixture {
  explicit Fixture(AskingLimits limits = {}) : asking(runtime.peers(), table, metrics, limits) {
    balance::Shard shard;
    shard.id = names.id_of("shard-0");
    shard.name = "shard-0";
    shard.addresses = {"10.0.0.1:80"};
    host.set_shards(std::make_shared<const balance::ShardSet>(std::vector{shard}), Clock::now());
    asking.answer_by(&replica);
  }
  double claims(std::string_view result) {
    return static_cast<double>(metrics.claims.with({result}).value());
  }

  Metrics metrics;
  stick::Table table{managed()};
  balance::ShardNames names;
  net::Runtime runtime{{.threads = 1, .peers = true}};
  Host host{runtime.peers(), table, names, [](Host::News) {}};
  LoneReplica replica{host};
  Asking asking;
};

peers_sync::Claim claim_of(std::string key) {
  peers_sync::Claim claim;
  claim.key = std::move(key);
  return claim;
}

}  // namespace

TEST_CASE("a claim comes back to the core that has asked, and its room is in use here from then on") {
  Fixture gate;
  Outcome first;
  Outcome again;
  std::optional<stick::Entry> held;

  tests::run_on(On::data, gate.runtime, [&](net::Core& core) -> net::Task<void> {
    first = co_await gate.asking.claim(core, claim_of("a"));
    held = gate.table.find_held("a", core.now());
    again = co_await gate.asking.claim(core, claim_of("a"));
  });

  CHECK(first.refusal == Refusal::none);
  CHECK(first.created);
  CHECK(first.home.shard == "shard-0");
  CHECK(held);
  CHECK_FALSE(again.created);
  CHECK(gate.claims("created") == 1);
  CHECK(gate.claims("known") == 1);
}

TEST_CASE("a candidate is no place where the room is in use yet") {
  Fixture gate;
  balance::Shard other;
  other.id = gate.names.id_of("shard-1");
  other.name = "shard-1";
  other.addresses = {"10.0.0.2:80"};
  gate.host.set_shards(std::make_shared<const balance::ShardSet>(std::vector{other}), Clock::now());
  peers_sync::Home home;
  home.shard = "shard-0";
  gate.replica.adopt("a", home);
  Outcome outcome;
  std::optional<stick::Entry> held;

  tests::run_on(On::data, gate.runtime, [&](net::Core& core) -> net::Task<void> {
    peers_sync::Elsewhere ask;
    ask.key = "a";
    ask.from = "shard-0";
    outcome = co_await gate.asking.elsewhere(core, std::move(ask));
    held = gate.table.find_held("a", core.now());
  });

  CHECK(outcome.candidate);
  CHECK(outcome.home.shard == "shard-1");
  CHECK_FALSE(held);
}

TEST_CASE("a question that nobody answers ends by itself") {
  Fixture gate({.margin = milliseconds(1)});
  gate.asking.set_claim_timeout(milliseconds(20));
  gate.replica.silent = true;
  Outcome outcome;

  tests::run_on(On::data, gate.runtime, [&](net::Core& core) -> net::Task<void> {
    outcome = co_await gate.asking.claim(core, claim_of("a"));
  });

  CHECK(outcome.refusal == Refusal::no_owner);
  CHECK(gate.claims("no_owner") == 1);
  CHECK(gate.replica.claims == 1);
}

TEST_CASE("an answer that comes when its asker has given up is dropped") {
  Fixture gate({.margin = milliseconds(1)});
  gate.asking.set_claim_timeout(milliseconds(20));
  gate.replica.silent = true;
  Outcome late;
  Outcome next;

  tests::run_on(On::data, gate.runtime, [&](net::Core& core) -> net::Task<void> {
    late = co_await gate.asking.claim(core, claim_of("a"));
    net::Event answered(core);
    gate.runtime.peers().post([&] {
      gate.replica.silent = false;
      for (const auto& done : gate.replica.held_back) done(Outcome());
      core.post([&] { answered.set(); });
    });
    (void)co_await answered.wait(TimePoint::max());
    next = co_await gate.asking.claim(core, claim_of("b"));
  });

  CHECK(late.refusal == Refusal::no_owner);
  CHECK(next.created);
}

TEST_CASE("without a replica every question is refused at once, so it is when too many wait") {
  Fixture gone;
  gone.asking.answer_by(nullptr);
  Fixture crowded({.unseen = 0});
  Outcome nobody;
  Outcome too_many;

  tests::run_on(On::data, gone.runtime, [&](net::Core& core) -> net::Task<void> {
    nobody = co_await gone.asking.claim(core, claim_of("a"));
  });
  tests::run_on(On::data, crowded.runtime, [&](net::Core& core) -> net::Task<void> {
    too_many = co_await crowded.asking.claim(core, claim_of("a"));
  });

  CHECK(nobody.refusal == Refusal::no_owner);
  CHECK(too_many.refusal == Refusal::no_owner);
  CHECK(crowded.replica.claims == 0);
}
