#include "router/directory/drains.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

using namespace roomgate;
using namespace roomgate::router::directory;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);
const std::chrono::system_clock::time_point kWall{};

std::vector<std::string> keys(std::size_t count) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < count; ++i) out.push_back("room-" + std::to_string(i));
  return out;
}

}  // namespace

TEST_CASE("a drain is over when the last room and the last tunnel are gone, and that is said once") {
  Drains drains(1);
  drains.begin("a", {.rooms = 2, .tunnels = 3}, kWall);

  CHECK_FALSE(drains.count("a", {.rooms = 0, .tunnels = 1}));
  CHECK_FALSE(drains.count("a", {.rooms = 1, .tunnels = 0}));
  CHECK_FALSE(drains.find("a")->empty);
  CHECK(drains.count("a", {}));
  CHECK_FALSE(drains.count("a", {}));

  CHECK(drains.find("a")->empty);
  CHECK(drains.find("a")->rooms_at_start == 2);
}

TEST_CASE("a shard that is empty already says so too, and a second drain says it again") {
  Drains drains(1);
  drains.begin("a", {}, kWall);
  CHECK(drains.count("a", {}));

  drains.begin("a", {}, kWall);
  const bool again = drains.count("a", {});
  drains.end_unless([](const std::string& shard) { return shard != "a"; });
  drains.begin("a", {}, kWall);

  CHECK_FALSE(again);
  CHECK(drains.count("a", {}));
}

TEST_CASE("without a deadline no room is asked for, with one only when it is over") {
  Drains drains(1);
  drains.begin("a", {.rooms = 5}, kWall);
  CHECK_FALSE(drains.wants_rooms("a", kStart + std::chrono::hours(100)));

  drains.set_deadline("a", kStart + seconds(60));

  CHECK_FALSE(drains.wants_rooms("a", kStart + seconds(59)));
  CHECK(drains.wants_rooms("a", kStart + seconds(60)));
  CHECK_FALSE(drains.wants_rooms("b", kStart + seconds(60)));
  (void)drains.count("a", {.rooms = 0, .tunnels = 1});
  CHECK_FALSE(drains.wants_rooms("a", kStart + seconds(60)));
}

TEST_CASE(
    "a deadline that was said before the shard is known counts when its drain begins, unless taken back") {
  Drains drains(1);
  drains.set_deadline("a", kStart + seconds(60));
  drains.set_deadline("b", kStart + seconds(60));
  drains.set_deadline("b", std::nullopt);

  drains.begin("a", {.rooms = 1}, kWall);
  drains.begin("b", {.rooms = 1}, kWall);

  CHECK(drains.find("a")->deadline == kStart + seconds(60));
  CHECK_FALSE(drains.find("b")->deadline);
}

TEST_CASE("after the deadline each room moves once, spread over the window, in an order of chance") {
  Drains drains(1);
  const Drains::Pace pace{.window = seconds(10), .tunnels_a_second = 1000};
  drains.begin("a", {.rooms = 95}, kWall);
  drains.set_deadline("a", kStart);
  drains.set_rooms("a", keys(95), kStart, pace);
  std::vector<std::string> order;
  std::vector<std::size_t> steps;

  for (TimePoint now = kStart; order.size() < 95; now += seconds(1)) {
    REQUIRE(now <= kStart + seconds(10));
    const std::size_t before = order.size();
    (void)drains.move_due(now, pace, [&](const std::string& shard, const std::string& key) {
      CHECK(shard == "a");
      order.push_back(key);
      return std::optional<std::size_t>(1);
    });
    steps.push_back(order.size() - before);
  }

  CHECK(std::set(order.begin(), order.end()).size() == 95);
  CHECK(order != keys(95));
  CHECK(steps.size() == 10);
  for (const std::size_t step : steps) CHECK(step >= 9);
  for (const std::size_t step : steps) CHECK(step <= 10);
  CHECK(drains.move_due(kStart + seconds(11), pace, [](auto&, auto&) { return std::nullopt; }).empty());
}

TEST_CASE("the rate stretches the window, over all shards together; a room that is larger moves alone") {
  Drains drains(1);
  const Drains::Pace pace{.window = seconds(1), .tunnels_a_second = 10};
  for (const char* shard : {"a", "b"}) {
    drains.begin(shard, {.rooms = 20}, kWall);
    drains.set_rooms(shard, keys(20), kStart, pace);
  }
  std::size_t moved = 0;

  for (TimePoint now = kStart; moved < 40; now += seconds(1)) {
    std::size_t closed = 0;
    (void)drains.move_due(now, pace, [&](const std::string&, const std::string& key) {
      const std::size_t tunnels = key == "room-7" ? 500 : 3;
      closed += tunnels;
      ++moved;
      return std::optional(tunnels);
    });
    CHECK(closed > 0);
    CHECK((closed <= 12 || closed >= 500));
  }

  CHECK(moved == 40);
}

TEST_CASE("rooms that no shard may have stay, are counted, and are looked at again") {
  Drains drains(1);
  const Drains::Pace pace{.window = seconds(1), .tunnels_a_second = 100};
  drains.begin("a", {.rooms = 3}, kWall);
  drains.set_deadline("a", kStart);
  drains.set_rooms("a", keys(3), kStart, pace);

  const auto steps = drains.move_due(kStart, pace, [](const std::string&, const std::string& key) {
    return key == "room-0" ? std::optional<std::size_t>(0) : std::nullopt;
  });

  REQUIRE(steps.size() == 1);
  CHECK(steps[0].shard == "a");
  CHECK(steps[0].moved == 1);
  CHECK(steps[0].stuck == 2);
  CHECK_FALSE(drains.wants_rooms("a", kStart + seconds(1)));
  CHECK(drains.wants_rooms("a", kStart + seconds(10)));
  drains.set_deadline("a", kStart + seconds(2));
  CHECK(drains.wants_rooms("a", kStart + seconds(2)));
}

TEST_CASE("a deadline that is taken back stops what has not moved yet") {
  Drains drains(1);
  const Drains::Pace pace{.window = seconds(10), .tunnels_a_second = 100};
  drains.begin("a", {.rooms = 10}, kWall);
  drains.set_deadline("a", kStart);
  drains.set_rooms("a", keys(10), kStart, pace);

  drains.set_deadline("a", std::nullopt);

  CHECK(drains.move_due(kStart, pace, [](auto&, auto&) { return std::optional<std::size_t>(0); }).empty());
  CHECK_FALSE(drains.wants_rooms("a", kStart + seconds(30)));
}

TEST_CASE("a drain that another process has begun goes on: since when, of how many rooms, until when") {
  Drains old(1);
  old.begin("a", {.rooms = 5, .tunnels = 9}, kWall + std::chrono::hours(3));
  old.set_deadline("a", kStart + seconds(60));
  old.begin("b", {}, kWall);
  CHECK(old.count("b", {}));

  Drains next(2);
  old.each([&next](const std::string& shard, const Drains::Drain& drain) { next.take(shard, drain); });
  next.begin("a", {.rooms = 4}, kWall + std::chrono::hours(4));
  (void)next.count("a", {.rooms = 4});

  CHECK(next.find("a")->since == kWall + std::chrono::hours(3));
  CHECK(next.find("a")->rooms_at_start == 5);
  CHECK_FALSE(next.wants_rooms("a", kStart + seconds(59)));
  CHECK(next.wants_rooms("a", kStart + seconds(60)));
  CHECK_FALSE(next.count("b", {}));
}

TEST_CASE("what the other process says last of a drain counts") {
  Drains next(1);
  Drains::Drain drain;
  drain.rooms_at_start = 5;
  drain.deadline = kStart + seconds(60);
  next.take("a", drain);

  drain.deadline.reset();
  next.take("a", drain);
  next.begin("a", {.rooms = 5}, kWall);
  (void)next.count("a", {.rooms = 5});

  CHECK_FALSE(next.wants_rooms("a", kStart + std::chrono::hours(1)));
}
