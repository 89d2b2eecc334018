#include "bench/roomload/media/histogram.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <vector>

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

TEST_CASE("a quantile is the value itself, or at most a sixteenth above it") {
  std::mt19937 random(5);
  std::lognormal_distribution<double> distribution(8, 2);
  std::vector<std::int64_t> values(5000);
  Histogram histogram;
  for (auto& value : values) {
    value = static_cast<std::int64_t>(distribution(random)) % 30'000'000;
    histogram.add(microseconds(value));
  }
  std::sort(values.begin(), values.end());

  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    CAPTURE(q);
    const auto exact = static_cast<double>(values[static_cast<std::size_t>(std::ceil(q * 5000)) - 1]);
    const auto told =
        static_cast<double>(std::chrono::duration_cast<microseconds>(histogram.quantile(q)).count());
    CHECK(told >= exact);
    CHECK(told <= exact * 17 / 16 + 1);
  }
  CHECK(histogram.quantile(1) == histogram.max());
  CHECK(histogram.max() == microseconds(values.back()));
}

TEST_CASE("each bin ends where the next begins") {
  for (std::size_t bin = 0; bin + 1 < Histogram::kBins; ++bin) {
    Histogram here;
    here.add(microseconds(Histogram::upper_end_us(bin)));
    here.add(microseconds(Histogram::upper_end_us(bin) + 1));

    CAPTURE(bin);
    REQUIRE(here.bins()[bin] == 1);
    REQUIRE(here.bins()[bin + 1] == 1);
  }
}

TEST_CASE("durations below nothing and beyond the last bin are counted in the outer bins") {
  Histogram histogram;
  histogram.add(microseconds(-5));
  histogram.add(seconds(3000));

  CHECK(histogram.bins().front() == 1);
  CHECK(histogram.bins().back() == 1);
  CHECK(histogram.quantile(1) == seconds(3000));
}

TEST_CASE("the difference of two copies is what came between them") {
  Histogram histogram;
  histogram.add(milliseconds(1));
  const Histogram before = histogram;
  histogram.add(milliseconds(50));

  const Histogram since = histogram.since(before);

  CHECK(since.count() == 1);
  CHECK(since.quantile(0.5) == milliseconds(50));
}

TEST_CASE("nothing counted has no quantile but zero") {
  CHECK(Histogram().quantile(0.5) == Duration{});
  CHECK(Histogram().mean() == Duration{});
}
