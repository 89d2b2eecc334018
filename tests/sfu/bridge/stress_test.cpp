#include "sfu/bridge/stress.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

double after(StressMeter& stress, int samples, const StressSample& sample) {
  for (int i = 0; i < samples; ++i) stress.on_sample(sample);
  return stress.value();
}

StressSample busy(int percent) { return {.elapsed = seconds(1), .worked = milliseconds(10 * percent)}; }

}  // namespace

TEST_CASE("an idle worker has no stress, and one at its share of time has all of it") {
  StressMeter idle{{}};
  StressMeter full{{}};

  CHECK(after(idle, 10, busy(0)) == 0);
  CHECK(after(full, 20, busy(90)) == doctest::Approx(1));
}

TEST_CASE("the worst of time, packets and lag counts") {
  const StressLimits limits{.packets_per_second = 10'000};
  StressMeter by_packets{limits};
  StressMeter by_lag{limits};

  CHECK(after(by_packets, 20, {.elapsed = seconds(2), .worked = milliseconds(100), .packets = 16'000}) ==
        doctest::Approx(0.8));
  CHECK(after(by_lag, 20, {.elapsed = seconds(1), .worked = milliseconds(100), .lag = milliseconds(45)}) ==
        doctest::Approx(1.5).epsilon(0.001));
}

TEST_CASE("without a bound on packets their number alone is no stress") {
  StressMeter stress{{}};

  CHECK(after(stress, 20, {.elapsed = seconds(1), .packets = 1'000'000}) == 0);
}

TEST_CASE("load is believed within three samples, relief takes longer") {
  StressMeter stress{{}};

  const double up = after(stress, 3, busy(90));
  after(stress, 20, busy(90));
  const double down = after(stress, 3, busy(0));

  CHECK(up > 0.9);
  CHECK(down > 0.4);
  CHECK(down < 0.5);
}

TEST_CASE("one stall is capped and forgotten soon") {
  StressMeter stress{{}};

  stress.on_sample({.elapsed = seconds(1), .lag = seconds(1000)});
  const double at_once = stress.value();
  const double later = after(stress, 10, busy(10));

  CHECK(at_once <= 2);
  CHECK(later < 0.2);
}

TEST_CASE("a sample of no time is no sample") {
  StressMeter stress{{}};

  stress.on_sample({.worked = seconds(1), .lag = seconds(1)});

  CHECK(stress.value() == 0);
}
