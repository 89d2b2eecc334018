#include "router/balance/policy.hpp"

#include <doctest.h>

#include "router/balance/hash.hpp"
#include "router/balance/least_load.hpp"
#include "router/balance/least_rooms.hpp"
#include "router/balance/rendezvous.hpp"
#include "router/balance/roundrobin.hpp"
#include "tests/router/balance/house.hpp"

using namespace roomgate;
using namespace roomgate::router::balance;

TEST_CASE("every policy chooses nothing from nothing, and one from one") {
  for (std::string_view name : {"roundrobin", "leastrooms", "leastload", "hash"}) {
    CAPTURE(name);
    const auto policy = make_policy(name);
    REQUIRE(policy != nullptr);
    CHECK(policy->name() == name);
    House none;
    none.publish();
    House one({1});
    one.publish();
    CHECK_FALSE(none.choose(*policy).has_value());
    CHECK(one.choose(*policy) == 0);
  }
  CHECK(make_policy("best") == nullptr);
}

TEST_CASE("a ramp goes from a tenth to all, and a shard without one has all") {
  const TimePoint begin = TimePoint() + std::chrono::hours(1);
  Candidate shard{.ramp_begin = begin};
  CHECK(ramp_percent(shard, begin, seconds(90)) == 10);
  CHECK(ramp_percent(shard, begin - seconds(1), seconds(90)) == 10);
  CHECK(ramp_percent(shard, begin + seconds(45), seconds(90)) == 55);
  CHECK(ramp_percent(shard, begin + seconds(89), seconds(90)) == 99);
  CHECK(ramp_percent(shard, begin + seconds(90), seconds(90)) == 100);
  CHECK(ramp_percent(shard, begin, seconds(0)) == 100);
  // The clock counts from the machine's start, which may be only just now.
  shard.ramp_begin = {};
  CHECK(ramp_percent(shard, TimePoint() + seconds(1), seconds(90)) == 100);
}

TEST_CASE("round-robin takes turns by weight, spread out") {
  RoundRobin policy;
  House house({3, 1});
  house.publish();
  std::string order;

  for (int i = 0; i < 8; ++i) order += std::to_string(*house.choose(policy));

  CHECK(order == "00100010");
}

TEST_CASE("each eligible set has its own turn, begins it elsewhere than the last, and turns are bounded") {
  RoundRobin policy(RoundRobinLimits{.max_sets = 2});
  House three({1, 1, 1});
  three.publish();
  House two({1, 1});
  two.publish();
  CHECK(three.choose(policy) == 0);
  CHECK(two.choose(policy) == 1);
  CHECK(three.choose(policy) == 1);
  CHECK(two.choose(policy) == 0);

  House four({1, 1, 1, 1});
  four.publish();
  CHECK(four.choose(policy) == 0);
  CHECK(two.choose(policy) == 1);    // its turn has gone on
  CHECK(three.choose(policy) == 0);  // this was the oldest; 0 is 6 modulo 3
}

TEST_CASE("a turn goes on over new snapshots of the same shards") {
  RoundRobin policy;
  House house({1, 1, 1});
  std::string order;

  for (int i = 0; i < 6; ++i) {
    house.list[0].load = i * 0.1;
    house.publish();
    order += std::to_string(*house.choose(policy));
  }

  CHECK(order == "012012");
}

TEST_CASE("a front door's turn can begin elsewhere") {
  RoundRobin policy({}, 2);
  House house({1, 1, 1});
  house.publish();
  CHECK(house.choose(policy) == 2);
  CHECK(house.choose(policy) == 0);
}

TEST_CASE("leastrooms looks at rooms by weight, the new one among them") {
  LeastRooms policy;
  House house({1, 4});
  house.publish();
  house.rooms = {{0, 2}, {1, 7}};
  CHECK(house.choose(policy) == 1);
  house.rooms = {{0, 2}, {1, 12}};
  CHECK(house.choose(policy) == 0);
  house.rooms = {};
  CHECK(house.choose(policy) == 1);
}

TEST_CASE("leastload takes the lighter of two, by rooms where loads are equal") {
  LeastLoad policy;
  House house({1, 1});
  house.list[0].load = 0.9;
  house.list[1].load = 0.5;
  house.publish();
  CHECK(house.choose(policy) == 1);
  house.list[0].load = house.list[1].load = 0;
  house.publish();
  house.rooms = {{0, 5}, {1, 1}};
  house.now += std::chrono::hours(1);
  CHECK(house.choose(policy) == 1);
}

TEST_CASE("leastload counts what it has placed until reports have it in") {
  LeastLoad policy({.half_in_reports = seconds(5)});
  House house({1, 1});
  house.list[0].load = 0.40;
  house.list[1].load = 0.50;
  house.rooms = {{0, 40}, {1, 50}};
  house.publish();
  // A room is worth 0.01 there: after ten of them shard 0 is as stressed as shard 1.
  int first = 0;
  for (int i = 0; i < 10; ++i) first += house.place(policy) == 0 ? 1 : 0;
  CHECK(first == 10);
  int later = 0;
  for (int i = 0; i < 10; ++i) later += house.place(policy) == 0 ? 1 : 0;
  CHECK(later >= 4);
  CHECK(later <= 6);

  house.now += std::chrono::minutes(5);
  CHECK(house.place(policy) == 0);
}

TEST_CASE("the rendezvous hash is fixed for all time") {
  CHECK(shard_hash("shard-0") == 1029749460824396680ULL);
  CHECK(room_hash("tenant/room") == 6147532506405082031ULL);
  CHECK(rendezvous(shard_hash("shard-0"), room_hash("tenant/room")) == 1489701845453313631ULL);
  CHECK(shard_hash("a") != room_hash("a"));
  CHECK(as_fraction(0) > 0);
  CHECK(as_fraction(~std::uint64_t{0}) < 1);
}
