#include "bench/roomload/report/summary.hpp"

#include <doctest/doctest.h>

#include "tests/bench/roomload/report/run.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload;
using namespace roomgate::bench::roomload::report;
using namespace roomgate::bench::roomload::report::test;

TEST_CASE("a point has what happened since the point before") {
  Timeline timeline(kStart);
  media::Totals totals;
  totals.video.bytes = 1'000'000;
  totals.video.expected = 1000;
  totals.video.packets = 990;
  totals.video.latency.add(milliseconds(5));
  timeline.on_joined(milliseconds(300));
  timeline.on_joined(milliseconds(100));
  timeline.sample(kStart + seconds(1), 2, totals);
  totals.video.bytes = 1'250'000;
  totals.video.expected = 2000;
  totals.video.packets = 1990;
  totals.video.latency.add(milliseconds(50));
  timeline.sample(kStart + seconds(2), 3, totals);

  const auto& points = timeline.points();

  REQUIRE(points.size() == 2);
  CHECK(points[0].bits_in == doctest::Approx(8e6));
  CHECK(points[0].loss == doctest::Approx(0.01));
  CHECK(points[0].join_p50 == milliseconds(100));
  CHECK(points[0].join_max == milliseconds(300));
  CHECK(points[1].bits_in == doctest::Approx(2e6));
  CHECK(points[1].loss == 0);
  CHECK(points[1].latency_p50 == milliseconds(50));
  CHECK_FALSE(points[1].join_p50);
  CHECK(points[1].participants == 3);
}

TEST_CASE("a long run keeps a bounded number of points that still reach from its beginning to its end") {
  Timeline timeline(kStart);
  media::Totals totals;
  for (int second = 1; second <= 5000; ++second) {
    ++totals.video.freezes;
    totals.video.bytes += 1000;
    timeline.sample(kStart + seconds(second), 1, totals);
  }

  const auto& points = timeline.points();

  CHECK(points.size() <= Timeline::kMaxPoints);
  CHECK(points.size() > Timeline::kMaxPoints / 3);
  CHECK(points.back().at > seconds(4980));
  std::uint64_t freezes = 0;
  for (const Point& point : points) {
    freezes += point.freezes;
    CHECK(point.bits_in == doctest::Approx(8000));
  }
  CHECK(freezes > 4980);
}

TEST_CASE("a run passes when all its limits are met") {
  Summary summary;
  CHECK(summary.passed());
  summary.thresholds.push_back({"--max-join", "2 s", "1.1 s", true});
  CHECK(summary.passed());
  summary.thresholds.push_back({"--max-loss", "1 %", "3 %", false});
  CHECK_FALSE(summary.passed());
}
