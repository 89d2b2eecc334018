#include "sfu/congestion/bandwidth_estimator.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::congestion;

namespace {

const TimePoint kStart{seconds(100)};

}  // namespace

TEST_CASE("without feedback, REMB or reports there is no estimate, so nothing is withheld") {
  BandwidthEstimator estimator;
  CHECK_FALSE(estimator.estimate());
  estimator.on_report(0.5, kStart);
  CHECK_FALSE(estimator.estimate());
  CHECK(estimator.step(kStart) == 0);
}

TEST_CASE(
    "a client without transport-wide feedback is given what its REMB says, less when its reports tell of "
    "loss") {
  BandwidthEstimator estimator;
  estimator.on_remb(1.5e6);
  CHECK(*estimator.estimate() == doctest::Approx(1.5e6));

  TimePoint now = kStart;
  for (int i = 0; i < 3; ++i) estimator.on_report(0.3, now += seconds(1));
  CHECK(*estimator.estimate() < 1.3e6);

  estimator.on_remb(300e3);
  CHECK(*estimator.estimate() == doctest::Approx(300e3));
  estimator.on_remb(1e30);
  CHECK(*estimator.estimate() <= EstimatorLimits{}.rate.max);
}

TEST_CASE(
    "a client that has not answered yet has the estimate that everybody starts with, and is not probed") {
  BandwidthEstimator estimator;
  estimator.expect_feedback(true);
  estimator.set_goal(10e6);
  for (TimePoint now = kStart; now < kStart + seconds(5); now += milliseconds(10)) {
    estimator.on_sent(1000, now);
    CHECK(estimator.step(now) == 0);
  }
  CHECK(*estimator.estimate() == EstimatorLimits{}.rate.start);
}

TEST_CASE("feedback that stops while media goes on halves the estimate each second, down to the least") {
  BandwidthEstimator estimator;
  estimator.expect_feedback(true);
  estimator.on_sent(1000, kStart);
  const rtp::PacketStatus arrived{true, 0};
  estimator.on_feedback({.base_sequence = 0, .reference_time = 5}, std::span(&arrived, 1),
                        kStart + milliseconds(50));
  const double before = *estimator.estimate();

  TimePoint now = kStart + milliseconds(60);
  for (; now < kStart + milliseconds(1200); now += milliseconds(10)) {
    estimator.on_sent(1000, now);
    estimator.step(now);
  }
  CHECK(*estimator.estimate() == doctest::Approx(before / 2));
  for (; now < kStart + seconds(60); now += milliseconds(10)) estimator.step(now);
  CHECK(*estimator.estimate() == EstimatorLimits{}.rate.min);
}

TEST_CASE("no feedback whatever raises the estimate beyond a little more than was sent") {
  std::uint32_t state = 7;
  const auto random = [&state](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  for (int round = 0; round < 20; ++round) {
    BandwidthEstimator estimator;
    estimator.expect_feedback(true);
    estimator.set_goal(1e9);
    TimePoint now = kStart;
    std::uint64_t sent = 0;
    double most_sent = 0;  // bit/s over any second
    TimePoint second = now;
    std::vector<rtp::PacketStatus> statuses;
    for (int turn = 0; turn < 3000; ++turn, now += milliseconds(10)) {
      std::size_t due = 1000 + estimator.step(now);
      while (due > 0) {
        const std::size_t size = std::min<std::size_t>(due, 300);
        estimator.on_sent(size, now);
        sent += size;
        due -= size;
      }
      if (now - second >= seconds(1)) {
        most_sent = std::max(most_sent, static_cast<double>(sent) * 8);
        sent = 0;
        second = now;
      }
      statuses.resize(1 + random(300));
      for (auto& status : statuses) {
        status.received = random(10) != 0;
        status.delta = static_cast<std::int16_t>(random(8) == 0 ? random(65536) : random(3));
      }
      const auto base = static_cast<std::uint16_t>(
          random(3) == 0 ? random(65536) : estimator.next_number() - statuses.size());
      const std::uint32_t reference =
          random(20) == 0 ? random(1u << 24) : static_cast<std::uint32_t>(turn / 6);
      estimator.on_feedback({.base_sequence = base, .reference_time = reference}, statuses, now);
      REQUIRE(std::isfinite(*estimator.estimate()));
      REQUIRE(*estimator.estimate() >= EstimatorLimits{}.rate.min);
      REQUIRE(*estimator.estimate() <= EstimatorLimits{}.rate.max);
    }
    // The media alone is 800 kbit/s; what more there is are probes, each at most twice the estimate.
    CHECK(*estimator.estimate() <= 2 * std::max(most_sent, EstimatorLimits{}.rate.start));
  }
}

namespace {

// Packets of 1000 bytes 10 ms apart, answered ten at a time; of each ten so many are said to be lost.
struct Receiver {
  BandwidthEstimator& estimator;
  TimePoint now = kStart;

  void ten(unsigned lost) {
    const std::uint16_t first = estimator.next_number();
    std::vector<rtp::PacketStatus> statuses(10);
    for (std::size_t i = 0; i < statuses.size(); ++i) {
      estimator.on_sent(1000, now += milliseconds(10));
      statuses[i] = {.received = i >= lost, .delta = static_cast<std::int16_t>(i >= lost ? 40 : 0)};
    }
    const auto reference =
        static_cast<std::uint32_t>(std::chrono::duration_cast<milliseconds>(now - kStart).count() / 64);
    estimator.on_feedback({.base_sequence = first, .reference_time = reference}, statuses, now);
  }
};

}  // namespace

TEST_CASE("a path is untried for its first second, and no longer once it has told of congestion") {
  BandwidthEstimator estimator;
  CHECK_FALSE(estimator.untried(kStart));
  estimator.expect_feedback(true);
  CHECK(estimator.untried(kStart));

  Receiver receiver{estimator};
  receiver.ten(0);
  CHECK(estimator.untried(kStart + milliseconds(1000)));
  CHECK_FALSE(estimator.untried(kStart + milliseconds(1010)));
  CHECK_FALSE(estimator.untried(kStart + seconds(11)));

  BandwidthEstimator lossy;
  lossy.expect_feedback(true);
  Receiver loser{lossy};
  for (int i = 0; i < 8; ++i) loser.ten(5);
  CHECK_FALSE(lossy.untried(kStart + milliseconds(900)));
}

TEST_CASE("a path that never answers is tried again every ten seconds") {
  BandwidthEstimator estimator;
  estimator.expect_feedback(true);
  estimator.on_sent(1000, kStart);

  CHECK(estimator.untried(kStart + milliseconds(999)));
  CHECK_FALSE(estimator.untried(kStart + milliseconds(1000)));
  CHECK(estimator.untried(kStart + milliseconds(10'500)));
  CHECK_FALSE(estimator.untried(kStart + milliseconds(11'500)));
}

TEST_CASE("while it is held nothing lowers the estimate, and afterwards what is told then does") {
  BandwidthEstimator estimator;
  estimator.expect_feedback(true);
  Receiver receiver{estimator};
  for (int i = 0; i < 5; ++i) receiver.ten(0);
  const double before = *estimator.estimate();

  estimator.hold(receiver.now + seconds(1));
  for (int i = 0; i < 11; ++i) receiver.ten(5);
  CHECK(*estimator.estimate() == before);

  for (int i = 0; i < 30; ++i) receiver.ten(5);
  CHECK(*estimator.estimate() < before);
}
