#include "sfu/congestion/prober.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::congestion;

namespace {

const TimePoint kStart{seconds(100)};
const Prober::Situation kThin{.estimate = 500e3, .goal = 2e6, .application_limited = true, .calm = true};

// Sends one probe of padding over a path that carries `capacity`, and answers it.
struct Path {
  Prober prober;
  TimePoint now = kStart;
  double capacity = 1e9;
  std::uint64_t sent = 0;

  std::optional<Prober::Answer> probe(const Prober::Situation& situation) {
    std::vector<Arrival> arrivals;
    std::int64_t free_at = 0;
    for (int step = 0; step < 50; ++step, now += milliseconds(10)) {
      std::size_t due = prober.step(situation, now);
      const std::uint8_t id = prober.sending(now);
      while (due > 0) {
        const std::int64_t at = std::chrono::duration_cast<microseconds>(now - kStart).count();
        free_at = std::max(free_at, at) + static_cast<std::int64_t>(300 * 8e6 / capacity);
        prober.on_sent(300);
        sent += 300;
        arrivals.push_back({.sent = at, .arrived = free_at, .bytes = 300, .probe = id});
        due -= std::min<std::size_t>(due, 300);
      }
      if (id == 0 && !arrivals.empty()) break;
    }
    for (const Arrival& arrival : arrivals) prober.on_arrival(arrival);
    return prober.take_answer(situation.estimate, now += milliseconds(50));
  }
};

}  // namespace

TEST_CASE("a probe of twice the estimate is measured as what it was where the path is wide") {
  Path path;

  const auto answer = path.probe(kThin);

  REQUIRE(answer);
  CHECK(answer->measured > 0.85e6);
  CHECK(answer->measured < 1.15e6);
  CHECK(answer->at_start);
}

TEST_CASE("on a thin path it is measured as what the path carries") {
  Path path{.capacity = 600e3};

  const auto answer = path.probe(kThin);

  REQUIRE(answer);
  CHECK(answer->measured == doctest::Approx(600e3).epsilon(0.05));
}

TEST_CASE("what a receiver claims to have got faster than we sent is measured as we sent it") {
  Path path{.capacity = 1e15};

  const auto answer = path.probe(kThin);

  REQUIRE(answer);
  CHECK(answer->measured < 1.15e6);
}

TEST_CASE("success is followed at once, failure after a wait that grows to its bound") {
  Path path{.capacity = 100e3};
  Duration last{};
  REQUIRE(path.probe(kThin));
  for (int i = 0; i < 6; ++i) {
    const TimePoint before = path.now;
    while (path.prober.step(kThin, path.now) == 0) path.now += milliseconds(10);
    const Duration waited = path.now - before;
    CHECK(waited >= last);
    CHECK(waited <= seconds(5));
    last = waited;
    REQUIRE(path.probe(kThin));
  }
  path.capacity = 1e9;
  path.now += seconds(6);
  REQUIRE(path.probe(kThin));
  CHECK(path.prober.step(kThin, path.now) > 0);
}

TEST_CASE("nothing is probed that nobody could use, nor while the queue grows") {
  Prober prober;
  CHECK(prober.step({.estimate = 2e6, .goal = 1e6, .application_limited = true}, kStart) == 0);
  CHECK(prober.step({.estimate = 1e6, .goal = 2e6, .application_limited = true, .calm = false}, kStart) == 0);
  CHECK(prober.sending(kStart) == 0);
}

TEST_CASE("a probe costs no more than its rate for its length") {
  Path path;
  path.probe(kThin);
  CHECK(path.sent <= 1e6 / 8 * 0.060);
}

TEST_CASE("a probe without an answer is given up") {
  Prober prober;
  TimePoint now = kStart;
  REQUIRE(prober.step(kThin, now) > 0);
  std::size_t probes = 1;
  std::uint8_t last = prober.sending(now);
  for (; now < kStart + seconds(20); now += milliseconds(10)) {
    prober.step(kThin, now);
    if (prober.sending(now) != 0 && prober.sending(now) != last) {
      last = prober.sending(now);
      ++probes;
    }
  }
  CHECK(probes >= 3);
  CHECK(probes <= 6);
}

TEST_CASE("after a fall the path is probed gently as soon as its queue has drained, and once only") {
  Prober prober;
  Prober::Situation situation = kThin;
  prober.on_decrease(3e6, kStart);
  const auto first_probe = [&](TimePoint from, TimePoint to) {
    for (TimePoint now = from; now < to; now += milliseconds(10)) {
      if (prober.step(situation, now) > 0) return now;
    }
    return to;
  };

  situation.drained = false;
  CHECK(first_probe(kStart, kStart + milliseconds(600)) == kStart + milliseconds(600));
  situation.drained = true;
  CHECK(prober.step(situation, kStart + milliseconds(600)) > 0);
  // A burst of 10 ms at one and a half times the estimate.
  CHECK(prober.step(situation, kStart + milliseconds(600)) < 1000);

  // It fails, and the next decrease is of the same fall: the usual wait.
  const TimePoint failed = kStart + milliseconds(1100);
  CHECK_FALSE(prober.take_answer(500e3, failed));
  prober.on_decrease(500e3, failed);
  CHECK(first_probe(failed, failed + seconds(5)) >= failed + seconds(2));
}

TEST_CASE("a burst of media in a probe is not taken for the path's rate") {
  Prober prober;
  TimePoint now = kStart;
  REQUIRE(prober.step(kThin, now) > 0);
  const std::uint8_t id = prober.sending(now);
  for (int i = 0; i < 4; ++i) {
    prober.on_sent(50'000);
    prober.on_arrival({.sent = i * 10'000, .arrived = i * 10'000, .bytes = 50'000, .probe = id});
  }

  const auto answer = prober.take_answer(kThin.estimate, now + seconds(1));

  REQUIRE(answer);
  CHECK(answer->measured == doctest::Approx(1.25 * 1e6));
}
