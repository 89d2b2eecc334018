#include "router/session/departures.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <set>
#include <vector>

using namespace roomgate;
using namespace roomgate::router::session;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

struct Guest final : Departures::Leaver {
  void leave() override { left = true; }
  bool left = false;
};

// Who leaves when, asked every `step`, until nobody waits.
std::vector<TimePoint> moments(Departures& departures, TimePoint now, Duration step = milliseconds(4)) {
  std::vector<TimePoint> out;
  for (; departures.waiting() > 0; now += step) {
    while (Departures::Leaver* leaver = departures.take(now)) {
      leaver->leave();
      out.push_back(now);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("each leaves at a moment of its own within the window") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Departures departures(seed);
    departures.set_rate(10'000);
    std::vector<Guest> guests(200);
    for (Guest& guest : guests) departures.add(guest, kStart, seconds(10));

    const auto left = moments(departures, kStart);

    CHECK(left.size() == guests.size());
    CHECK(left.back() <= kStart + seconds(10) + milliseconds(30));
    // Spread: none of ten seconds has half of them, none has nobody.
    for (int second = 0; second < 10; ++second) {
      const auto begin = kStart + seconds(second);
      const auto in_it = std::count_if(left.begin(), left.end(),
                                       [&](TimePoint at) { return at >= begin && at < begin + seconds(1); });
      CHECK(in_it > 0);
      CHECK(in_it < 100);
    }
  }
}

TEST_CASE("never more than the rate in any second, however many wait, and not much fewer") {
  Departures departures(1);
  departures.set_rate(100);
  std::vector<Guest> guests(2000);
  for (Guest& guest : guests) departures.add(guest, kStart, seconds(1));

  const auto left = moments(departures, kStart);

  REQUIRE(left.size() == guests.size());
  for (std::size_t i = 0; i + 103 < left.size(); ++i) CHECK(left[i + 103] - left[i] >= seconds(1));
  CHECK(left.back() - left.front() < seconds(21));
}

TEST_CASE("a high rate is reached although the timer comes every few milliseconds only") {
  Departures departures(1);
  departures.set_rate(5000);
  std::vector<Guest> guests(5000);
  for (Guest& guest : guests) departures.add(guest, kStart, Duration(0));

  const auto left = moments(departures, kStart);

  CHECK(left.back() - left.front() < milliseconds(1100));
}

TEST_CASE("says when somebody may leave next, and nobody leaves before") {
  Departures departures(3);
  departures.set_rate(10);
  Guest first;
  Guest second;
  CHECK_FALSE(departures.next().has_value());
  departures.add(first, kStart, Duration(0));
  departures.add(second, kStart, Duration(0));

  CHECK(departures.next() == kStart);
  CHECK(departures.take(kStart - milliseconds(1)) == nullptr);
  CHECK(departures.take(kStart) != nullptr);
  const auto then = departures.next();

  REQUIRE(then.has_value());
  CHECK(*then > kStart);
  CHECK(departures.take(*then - milliseconds(1)) == nullptr);
  CHECK(departures.take(*then) != nullptr);
}

TEST_CASE("whoever is gone is waited for no longer, and nobody has two moments") {
  Departures departures(5);
  departures.set_rate(1000);
  auto gone = std::make_unique<Guest>();
  Guest stays;
  departures.add(*gone, kStart, seconds(1));
  departures.add(stays, kStart, seconds(1));
  departures.add(stays, kStart, seconds(1));

  gone.reset();

  CHECK(departures.waiting() == 1);
  CHECK(moments(departures, kStart).size() == 1);
  CHECK(stays.left);
}

TEST_CASE(
    "whoever must leave sooner than it was told does, and is not held up by a rate that was there before") {
  Departures departures(7);
  departures.set_rate(0.01);
  Guest first;
  departures.add(first, kStart, Duration(0));
  std::vector<Guest> guests(100);
  for (Guest& guest : guests) departures.add(guest, kStart, std::chrono::hours(1));
  CHECK(departures.take(kStart) == &first);

  departures.set_rate(std::numeric_limits<double>::infinity());
  for (Guest& guest : guests) departures.add(guest, kStart, seconds(1));
  for (Guest& guest : guests) departures.add(guest, kStart, std::chrono::hours(1));

  CHECK(departures.waiting() == guests.size());
  CHECK(moments(departures, kStart).back() <= kStart + seconds(1) + milliseconds(4));
}
