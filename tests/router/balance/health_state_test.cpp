#include "router/balance/health_state.hpp"

#include <doctest.h>

using namespace roomgate;
using namespace roomgate::router::balance;

namespace {
const TimePoint kStart = TimePoint() + seconds(100);
}

TEST_CASE("a shard is up from the start and goes down after three failures in a row") {
  HealthState state(HealthSettings{});
  CHECK(state.up());

  CHECK_FALSE(state.observe(false, kStart));
  CHECK_FALSE(state.observe(false, kStart));
  CHECK_FALSE(state.observe(true, kStart));
  CHECK_FALSE(state.observe(false, kStart));
  CHECK_FALSE(state.observe(false, kStart));
  CHECK(state.up());
  CHECK(state.observe(false, kStart + seconds(9)));

  CHECK_FALSE(state.up());
  CHECK(state.changed_at() == kStart + seconds(9));
}

TEST_CASE("it comes back after two successes in a row") {
  HealthState state(HealthSettings{.rise = 2, .fall = 1});
  REQUIRE(state.observe(false, kStart));

  CHECK_FALSE(state.observe(true, kStart));
  CHECK_FALSE(state.observe(false, kStart));
  CHECK_FALSE(state.observe(true, kStart));
  CHECK(state.observe(true, kStart));

  CHECK(state.up());
}

TEST_CASE("checks come faster while a state is changing") {
  HealthState state(HealthSettings{});
  CHECK(state.next_interval() == seconds(3));

  state.observe(false, kStart);
  CHECK(state.next_interval() == milliseconds(500));

  state.observe(true, kStart);
  CHECK(state.next_interval() == seconds(3));
}
