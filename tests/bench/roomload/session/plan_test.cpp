#include "bench/roomload/session/plan.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

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

TEST_CASE("as many are read as were asked for, of each room about as many") {
  Plan plan;
  plan.rooms = 3;
  plan.participants = 10;
  CHECK(plan.reads(29));
  for (const std::uint32_t asked : {0u, 1u, 7u, 20u, 30u, 1000u}) {
    CAPTURE(asked);
    plan.read = asked;
    std::array<std::uint32_t, 3> read{};

    for (std::uint32_t number = 0; number < plan.asked(); ++number) {
      read[number / plan.participants] += plan.reads(number) ? 1 : 0;
    }

    CHECK(read[0] + read[1] + read[2] == std::min(asked, plan.asked()));
    CHECK(*std::max_element(read.begin(), read.end()) - *std::min_element(read.begin(), read.end()) <= 1);
  }
}
