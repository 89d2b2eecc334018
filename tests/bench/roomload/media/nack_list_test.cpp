#include "bench/roomload/media/nack_list.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

namespace {

const TimePoint kNow{seconds(10)};

std::vector<std::uint16_t> by_number(NackList& list, std::int64_t newest, TimePoint now) {
  std::vector<std::uint16_t> out(64);
  out.resize(list.due_by_number(newest, now, out));
  return out;
}

std::vector<std::uint16_t> by_time(NackList& list, TimePoint now) {
  std::vector<std::uint16_t> out(64);
  out.resize(list.due_by_time(now, out));
  return out;
}

}  // namespace

TEST_CASE("asks at once, then each round trip, ten times in all") {
  NackList list;
  list.on_gap(11, 12);

  CHECK(by_number(list, 13, kNow) == std::vector<std::uint16_t>{11, 12});
  CHECK(by_number(list, 14, kNow).empty());
  CHECK(by_time(list, kNow + milliseconds(99)).empty());
  int asked = 1;
  for (int ms = 100; ms < 5000; ms += 20) asked += by_time(list, kNow + milliseconds(ms)).empty() ? 0 : 1;
  CHECK(asked == 10);
  CHECK(list.empty());
}

TEST_CASE("does not ask for what has come") {
  NackList list;
  list.on_gap(11, 12);

  CHECK_FALSE(list.on_late(11, 13, false));
  CHECK(by_number(list, 20, kNow) == std::vector<std::uint16_t>{12});
  CHECK(list.on_late(12, 20, true));
  CHECK(list.empty());
  CHECK_FALSE(list.has_new());
}

TEST_CASE("waits for as many packets as reordering has taken before") {
  NackList list;
  for (int i = 0; i < 20; ++i) {
    list.on_gap(100 + 10 * i, 100 + 10 * i);
    list.on_late(100 + 10 * i, 103 + 10 * i, false);
  }

  list.on_gap(500, 500);

  CHECK(by_number(list, 501, kNow).empty());
  CHECK(by_number(list, 503, kNow).empty());
  CHECK(by_number(list, 504, kNow) == std::vector<std::uint16_t>{500});
}

TEST_CASE("more than a thousand missing are given up for a key frame") {
  NackList list;

  CHECK_FALSE(list.on_gap(1, 1000));
  CHECK(list.on_gap(1002, 1002));
  CHECK(list.empty());
}

TEST_CASE("forgets what a key frame made needless") {
  NackList list;
  list.on_gap(11, 20);

  list.forget_before(18);

  CHECK(by_number(list, 30, kNow) == std::vector<std::uint16_t>{18, 19, 20});
}
