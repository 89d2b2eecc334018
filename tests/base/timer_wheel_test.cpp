#include "base/timer_wheel.hpp"

#include <doctest/doctest.h>

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <vector>

using namespace roomgate;

namespace {

struct Probe : TimerWheel::Timer {
  std::function<void()> then = [] {};
  int fired = 0;
  void on_expire() override {
    ++fired;
    then();
  }
};

const TimePoint kStart{};

}  // namespace

TEST_CASE("fires at the deadline, neither early nor more than a tick late") {
  TimerWheel wheel(kStart);
  Probe probe;

  wheel.schedule(probe, kStart + milliseconds(10));

  wheel.advance(kStart + milliseconds(9));
  CHECK(probe.fired == 0);
  wheel.advance(kStart + milliseconds(10) + TimerWheel::kTick);
  CHECK(probe.fired == 1);
  CHECK(wheel.size() == 0);
  CHECK_FALSE(wheel.next());
}

TEST_CASE("a cancelled timer never fires, a re-scheduled one fires once") {
  TimerWheel wheel(kStart);
  Probe cancelled;
  Probe moved;

  wheel.schedule(cancelled, kStart + seconds(1));
  wheel.schedule(moved, kStart + seconds(1));
  wheel.schedule(moved, kStart + seconds(3));
  cancelled.cancel();

  wheel.advance(kStart + seconds(2));
  CHECK(moved.fired == 0);
  wheel.advance(kStart + seconds(4));
  CHECK(cancelled.fired == 0);
  CHECK(moved.fired == 1);
}

TEST_CASE("a destroyed timer leaves the wheel") {
  TimerWheel wheel(kStart);
  {
    Probe probe;
    wheel.schedule(probe, kStart + seconds(1));
  }

  CHECK(wheel.size() == 0);
  wheel.advance(kStart + seconds(2));
}

TEST_CASE("a wheel may go before its timers") {
  Probe probe;
  {
    TimerWheel wheel(kStart);
    wheel.schedule(probe, kStart + seconds(1));
  }

  CHECK_FALSE(probe.scheduled());
}

TEST_CASE("a callback may cancel and schedule others that are due in the same tick") {
  TimerWheel wheel(kStart);
  Probe first;
  Probe second;
  Probe third;
  first.then = [&] {
    second.cancel();
    wheel.schedule(third, kStart);
    wheel.schedule(first, kStart + seconds(5));
  };

  wheel.schedule(first, kStart + seconds(1));
  wheel.schedule(second, kStart + seconds(1));
  wheel.advance(kStart + seconds(2));

  CHECK(first.fired == 1);
  CHECK(second.fired == 0);
  CHECK(third.fired == 1);
  CHECK(first.scheduled());
}

TEST_CASE("a timer beyond the last level is carried along until it is due") {
  TimerWheel wheel(kStart);
  Probe probe;
  const auto deadline = kStart + std::chrono::hours(24 * 9);

  wheel.advance(kStart + milliseconds(1234567));
  wheel.schedule(probe, deadline);
  for (int hour = 1; hour < 24 * 9; ++hour) wheel.advance(kStart + std::chrono::hours(hour));

  CHECK(probe.fired == 0);
  wheel.advance(deadline + milliseconds(4));
  CHECK(probe.fired == 1);
}

TEST_CASE("agrees with a sorted map over random schedules, cancels and steps") {
  std::mt19937 random(7);
  TimerWheel wheel(kStart);
  std::vector<std::unique_ptr<Probe>> probes;
  std::map<const Probe*, TimePoint> expected;
  TimePoint now = kStart;
  int early = 0;
  for (int i = 0; i < 300; ++i) {
    probes.push_back(std::make_unique<Probe>());
    Probe* probe = probes.back().get();
    probe->then = [&, probe] {
      if (!expected.contains(probe) || expected[probe] > now) ++early;
      expected.erase(probe);
    };
  }

  for (int step = 0; step < 20000; ++step) {
    Probe& probe = *probes[random() % probes.size()];
    bool advanced = false;
    switch (random() % 4) {
      case 0:
        probe.cancel();
        expected.erase(&probe);
        break;
      case 1: {
        const auto deadline = now + milliseconds(random() % (random() % 3 == 0 ? 40'000'000 : 3000));
        wheel.schedule(probe, deadline);
        expected[&probe] = deadline;
        break;
      }
      default:
        now += milliseconds(random() % (random() % 50 == 0 ? 9'000'000 : 100));
        wheel.advance(now);
        advanced = true;
    }
    REQUIRE(wheel.size() == expected.size());
    if (advanced) {
      for (const auto& [waiting, deadline] : expected) REQUIRE(deadline + TimerWheel::kTick > now);
    }
  }

  now += std::chrono::hours(24);
  wheel.advance(now);
  CHECK(expected.empty());
  CHECK(early == 0);
}
