#include "router/directory/directory.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::directory;
using balance::ShardState;
using Heard = Directory::Heard;

namespace {

constexpr const char* kQuestion = "_http._tcp.web";
const TimePoint kStart = TimePoint(seconds(1000));

struct House {
  balance::ShardNames names;
  Directory directory{names};

  House() = default;
  explicit House(DiscoverBlock block) { directory.set_blocks({}, {std::move(block)}, TimePoint{}); }
  void discover(std::vector<Endpoint> endpoints, TimePoint now = kStart) {
    directory.set_found(kQuestion, std::move(endpoints), now);
  }
  const balance::Shard* shard(std::string_view name) {
    set = balance::ShardSet(directory.shards());
    return set.by_name(name);
  }
  balance::ShardSet set;
};

health::Verdict up() { return {.up = true, .last = {.ok = true}}; }
health::Verdict announcing(const char* name) { return {.up = true, .last = {.ok = true, .announced = name}}; }
const auto nobody = [](balance::ShardId) { return std::size_t{0}; };

}  // namespace

TEST_CASE("a shard that comes back under another address is the same shard") {
  House house({.srv = kQuestion});
  house.discover({{"shard-0", "10.0.0.1:80", {}}});
  const auto before = house.shard("shard-0")->id;

  const bool changed = house.directory.set_found(kQuestion, {{"shard-0", "10.0.0.9:80", {}}}, kStart);

  CHECK(changed);
  CHECK(house.shard("shard-0")->id == before);
  CHECK(house.shard("shard-0")->addresses == std::vector<std::string>{"10.0.0.9:80"});
}

TEST_CASE("the order of answers changes nothing") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}, {"a", "10.0.0.2:80", {}}, {"b", "10.0.0.3:80", {}}});

  CHECK(!house.directory.set_found(
      kQuestion, {{"b", "10.0.0.3:80", {}}, {"a", "10.0.0.2:80", {}}, {"a", "10.0.0.1:80", {}}}, kStart));
  CHECK(house.shard("a")->addresses.size() == 2);
}

TEST_CASE("a shard that is gone from DNS takes no new rooms, and goes when its last room has") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}, {"b", "10.0.0.2:80", {}}});

  house.discover({{"b", "10.0.0.2:80", {}}});

  CHECK(house.shard("a")->state == ShardState::drain);
  CHECK(house.shard("a")->addresses.size() == 1);
  CHECK(!house.directory.prune([](balance::ShardId) { return std::size_t{1}; }));
  CHECK(house.shard("a") != nullptr);
  CHECK(house.directory.prune(nobody));
  CHECK(house.shard("a") == nullptr);
  CHECK(house.shard("b") != nullptr);
}

TEST_CASE("a dead shard that is gone from DNS stays until its rooms have moved") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}});
  house.discover({});
  house.directory.set_verdict("a", {.up = false, .changed_at = kStart}, kStart);

  CHECK(!house.directory.prune([](balance::ShardId) { return std::size_t{3}; }));
  CHECK(!house.shard("a")->up);
}

TEST_CASE("a shard that comes back is as before") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}});
  house.discover({});

  house.discover({{"a", "10.0.0.7:80", {}}});

  CHECK(house.shard("a")->state == ShardState::ready);
  CHECK(!house.directory.prune(nobody));
}

TEST_CASE("all records replaced at once: the old ones leave, the new ones take over") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}, {"b", "10.0.0.2:80", {}}});

  house.discover({{"c", "10.0.0.3:80", {}}, {"d", "10.0.0.4:80", {}}});

  CHECK(!balance::takes_new_rooms(*house.shard("a")));
  CHECK(!balance::takes_new_rooms(*house.shard("b")));
  CHECK(balance::takes_new_rooms(*house.shard("c")));
  CHECK(balance::takes_new_rooms(*house.shard("d")));
}

TEST_CASE("a name that two blocks have is the first one's, and an alarm") {
  House house;
  house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {{.srv = kQuestion}}, TimePoint{});

  house.discover({{"a", "10.0.0.2:80", {}}});

  CHECK(house.directory.contested() == std::vector<std::string>{"a"});
  CHECK(house.shard("a")->addresses == std::vector<std::string>{"10.0.0.1:80"});
}

TEST_CASE("a shard that says its name itself is asked under its address first") {
  House house({.srv = kQuestion, .name_from = NameFrom::announced});
  house.discover({{"", "10.0.0.1:80", {}}, {"", "10.0.0.2:80", {}}});

  CHECK(house.directory.shards().empty());
  CHECK(house.directory.targets().size() == 2);
  CHECK(house.directory.set_verdict("10.0.0.1:80", up(), kStart) == Heard::nothing);
  CHECK(house.directory.set_verdict("10.0.0.1:80", announcing("shard-7"), kStart) == Heard::renamed);
  CHECK(house.directory.set_verdict("10.0.0.2:80", announcing("shard-7"), kStart) == Heard::renamed);
  CHECK(house.shard("shard-7")->addresses == std::vector<std::string>{"10.0.0.1:80", "10.0.0.2:80"});
}

TEST_CASE("another shard under the same address: the first one leaves") {
  House house({.srv = kQuestion, .name_from = NameFrom::announced});
  house.discover({{"", "10.0.0.1:80", {}}});
  house.directory.set_verdict("10.0.0.1:80", announcing("shard-7"), kStart);

  house.directory.set_verdict("10.0.0.1:80", announcing("shard-8"), kStart);

  CHECK(house.shard("shard-7")->state == ShardState::drain);
  CHECK(house.shard("shard-8")->state == ShardState::ready);
}

TEST_CASE("of operator, agent and the shard itself the strongest word counts") {
  struct Row {
    ShardState operator_says;
    health::AgentWord::State agent_says;
    bool refuses;
    ShardState state;
    bool is_up;
  };
  using Agent = health::AgentWord::State;
  const Row rows[] = {
      {ShardState::ready, Agent::none, false, ShardState::ready, true},
      {ShardState::ready, Agent::drain, false, ShardState::drain, true},
      {ShardState::ready, Agent::maint, false, ShardState::maint, true},
      {ShardState::drain, Agent::ready, false, ShardState::drain, true},
      {ShardState::maint, Agent::drain, true, ShardState::maint, true},
      {ShardState::ready, Agent::ready, true, ShardState::drain, true},
      {ShardState::ready, Agent::down, false, ShardState::ready, false},
  };
  for (const Row& row : rows) {
    House house;
    house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {}, TimePoint{});
    house.directory.set_state("a", row.operator_says);
    health::Verdict verdict = up();
    verdict.agent.state = row.agent_says;
    verdict.last.refuses_new_rooms = row.refuses;

    house.directory.set_verdict("a", verdict, kStart);

    CHECK(house.shard("a")->state == row.state);
    CHECK(house.shard("a")->up == row.is_up);
  }
}

TEST_CASE("a load report is no news, a state is") {
  House house;
  house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {}, TimePoint{});
  house.directory.set_verdict("a", up(), kStart);
  health::Verdict busy = up();
  busy.last.load = 0.7;
  health::Verdict down = busy;
  down.up = false;

  CHECK(house.directory.set_verdict("a", busy, kStart) == Heard::load);
  CHECK(house.shard("a")->load == doctest::Approx(0.7));
  CHECK(house.directory.set_verdict("a", down, kStart) == Heard::news);
  CHECK(house.directory.set_verdict("zebra", down, kStart) == Heard::nothing);
}

TEST_CASE("slow start is for shards that came later, or came back") {
  House house;
  house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {}, TimePoint{});
  CHECK(house.shard("a")->ramp_begin == TimePoint{});

  house.directory.set_blocks(
      {{.name = "a", .address = "10.0.0.1:80"}, {.name = "b", .address = "10.0.0.2:80"}}, {}, kStart);
  CHECK(house.shard("a")->ramp_begin == TimePoint{});
  CHECK(house.shard("b")->ramp_begin == kStart);

  house.directory.set_verdict("a", {.up = false}, kStart);
  house.directory.set_verdict("a", up(), kStart + seconds(9));
  CHECK(house.shard("a")->ramp_begin == kStart + seconds(9));
}

TEST_CASE("an operator's word outlives a shard's absence, and goes over to who takes over") {
  House house({.srv = kQuestion});
  house.discover({{"a", "10.0.0.1:80", {}}});
  house.directory.set_state("a", ShardState::maint);
  house.discover({});
  house.directory.prune(nobody);
  House next({.srv = kQuestion});

  next.directory.set_words(house.directory.words());
  next.discover({{"a", "10.0.0.1:80", {}}});
  house.discover({{"a", "10.0.0.1:80", {}}});

  CHECK(house.shard("a")->state == ShardState::maint);
  CHECK(next.shard("a")->state == ShardState::maint);
  CHECK(next.directory.words().at("a").version == 1);
}

TEST_CASE("a number is given out again only when all others are in use") {
  balance::ShardNames names(3);
  const auto a = names.id_of("a");
  (void)names.id_of("b");

  names.release("a");

  CHECK(names.id_of("c") == 2);
  CHECK(names.name_of(a) == "a");
  CHECK(names.id_of("d") == a);
  CHECK(names.name_of(a) == "d");
  CHECK(names.id_of("e") == balance::kNoShard);
}

TEST_CASE("a shard that only other front doors know keeps its rooms and gets none") {
  House house;
  house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {}, kStart);

  const bool changed = house.directory.set_peer_shards(
      {{"a", {"10.9.9.9:80"}, "", {}}, {"b", {"10.0.0.2:80"}, "bee", {.region = "eu"}}}, kStart);

  CHECK(changed);
  CHECK(house.shard("a")->addresses == std::vector<std::string>{"10.0.0.1:80"});
  CHECK(house.shard("a")->state == ShardState::ready);
  const balance::Shard* b = house.shard("b");
  REQUIRE(b != nullptr);
  CHECK(b->addresses == std::vector<std::string>{"10.0.0.2:80"});
  CHECK(b->region == "eu");
  CHECK(b->announced == "bee");
  CHECK(b->up);
  CHECK(!balance::takes_new_rooms(*b));
  CHECK(house.directory.find("b")->source == kFromPeers);
  CHECK(house.directory.targets().size() == 2);
  REQUIRE(house.directory.own_shards().size() == 1);
  CHECK(house.directory.own_shards().front().name == "a");
}

TEST_CASE("a shard that others know becomes this gate's own, and the other way") {
  House house;
  house.directory.set_blocks({{.name = "a", .address = "10.0.0.1:80"}}, {}, kStart);
  house.directory.set_peer_shards({{"b", {"10.0.0.2:80"}, "", {}}}, kStart);
  const auto id = house.shard("b")->id;

  house.directory.set_blocks({{.name = "b", .address = "10.0.0.3:80"}}, {}, kStart);

  CHECK(house.shard("b")->id == id);
  CHECK(house.shard("b")->addresses == std::vector<std::string>{"10.0.0.3:80"});
  CHECK(balance::takes_new_rooms(*house.shard("b")));
  CHECK(house.shard("a")->state == ShardState::drain);

  house.directory.set_peer_shards({{"a", {"10.0.0.1:80"}, "", {}}}, kStart);
  CHECK(house.directory.find("a")->source == kFromPeers);
  CHECK(!house.directory.find("a")->leaving);
}

TEST_CASE("a shard of which nobody speaks any more goes with its last room") {
  House house;
  house.directory.set_peer_shards({{"b", {"10.0.0.2:80"}, "", {}}}, kStart);

  CHECK(house.directory.set_peer_shards({}, kStart));

  CHECK(house.directory.find("b")->leaving);
  CHECK(!house.directory.prune([](balance::ShardId) { return std::size_t{1}; }));
  CHECK(house.directory.prune(nobody));
  CHECK(house.directory.find("b") == nullptr);
}
