#include "bench/roomload/session/plan.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::bench::roomload::session;

TEST_CASE("times are a number and a unit") {
  CHECK(parse_duration("500ms") == milliseconds(500));
  CHECK(parse_duration("60s") == seconds(60));
  CHECK(parse_duration("1.5s") == milliseconds(1500));
  CHECK(parse_duration("2m") == seconds(120));
  CHECK(parse_duration("1h") == seconds(3600));
  for (const char* text : {"", "60", "s", "-1s", "1d", "1s ", " 1s", "1e9h", "nan"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
  }
}

TEST_CASE("the ramp spreads all from its beginning to its end") {
  Plan plan;
  plan.rooms = 2;
  plan.participants = 3;
  plan.ramp = seconds(10);

  CHECK(start_of(plan, 0) == seconds(0));
  CHECK(start_of(plan, 1) == seconds(2));
  CHECK(start_of(plan, 5) == seconds(10));
  plan.rooms = plan.participants = 1;
  CHECK(start_of(plan, 0) == seconds(0));
}

TEST_CASE("senders are the first of each room, all where nothing is said") {
  Plan plan;
  plan.participants = 3;

  CHECK(plan.sends(2));
  plan.senders = 1;

  CHECK(plan.sends(0));
  CHECK_FALSE(plan.sends(1));
}
