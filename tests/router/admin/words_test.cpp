#include "router/admin/words.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::admin;
using std::chrono::seconds;

TEST_CASE("ages have the two units that matter") {
  CHECK(age(seconds(0)) == "0s");
  CHECK(age(seconds(59)) == "59s");
  CHECK(age(seconds(192)) == "3m12s");
  CHECK(age(seconds(3600)) == "1h00m");
  CHECK(age(seconds(86400 * 3 + 3600 * 4 + 59)) == "3d04h");
  CHECK(age(seconds(-5)) == "0s");
}

TEST_CASE("shares, rates and counts as people write them") {
  CHECK(percent(0.424) == "42%");
  CHECK(rate(0) == "0");
  CHECK(rate(3.25) == "3.2");
  CHECK(rate(1234.4) == "1234");
  CHECK(counted(1, "room") == "1 room");
  CHECK(counted(0, "room") == "0 rooms");
}
