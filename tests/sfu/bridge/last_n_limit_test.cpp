#include "sfu/bridge/last_n_limit.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

// Once a second under one stress; the limits that came to hold.
std::vector<int> run(LastNLimit& limit, double stress, int most, int count, TimePoint& now) {
  std::vector<int> out;
  for (int i = 0; i < count; ++i) {
    now += seconds(1);
    if (limit.update(stress, most, now)) out.push_back(limit.limit());
  }
  return out;
}

}  // namespace

TEST_CASE("without stress nobody is limited") {
  LastNLimit limit{{}};
  TimePoint now{};

  CHECK(run(limit, 0.9, 50, 100, now).empty());
  CHECK(limit.limit() < 0);
}

TEST_CASE("under stress the limit falls by a quarter at a time, and never below the least") {
  LastNLimit limit{{}};
  TimePoint now{};

  CHECK(run(limit, 1.2, 20, 60, now) == std::vector<int>{15, 11, 8, 6, 4, 3, 2, 1});
}

TEST_CASE("the next step down waits until the last one shows") {
  LastNLimit limit{{}};
  TimePoint now{};

  CHECK(run(limit, 1.2, 20, 3, now).size() == 1);
  CHECK(run(limit, 1.2, 20, 1, now).size() == 1);
}

TEST_CASE("when more comes than can be forwarded, steps follow each other at once, whatever the stress") {
  LastNLimit limit{{}};
  TimePoint now{};
  std::vector<int> limits;

  for (int i = 0; i < 40; ++i) {
    now += milliseconds(10);
    if (limit.on_late(20, now)) limits.push_back(limit.limit());
  }

  CHECK(limits == std::vector<int>{15, 11, 8, 6});
  // And that was no calm.
  CHECK(run(limit, 0.1, 20, 9, now).empty());
}

TEST_CASE("what is not sent anyway is not counted as reduced") {
  LastNLimit limit{{}};
  TimePoint now{};

  CHECK(run(limit, 1.2, 1, 10, now).empty());
  run(limit, 1.2, 40, 1, now);

  now += seconds(3);
  limit.update(1.2, 8, now);

  CHECK(limit.limit() == 6);
}

TEST_CASE("it rises in steps when it has been calm, until nobody is limited") {
  LastNLimit limit{{}};
  TimePoint now{};
  run(limit, 1.2, 10, 12, now);
  REQUIRE(limit.limit() == 2);

  CHECK(run(limit, 0.5, 10, 9, now).empty());
  CHECK(run(limit, 0.5, 10, 120, now) == std::vector<int>{3, 4, 5, 6, 7, 8, 10, -1});
}

TEST_CASE("between the two thresholds nothing moves") {
  LastNLimit limit{{}};
  TimePoint now{};
  run(limit, 1.2, 10, 1, now);

  CHECK(run(limit, 0.85, 10, 1000, now).empty());
}

TEST_CASE("calm that does not last does not raise") {
  LastNLimit limit{{}};
  TimePoint now{};
  run(limit, 1.2, 10, 1, now);

  for (int i = 0; i < 20; ++i) {
    CHECK(run(limit, 0.5, 10, 9, now).empty());
    CHECK(run(limit, 0.8, 10, 1, now).empty());
  }
}
