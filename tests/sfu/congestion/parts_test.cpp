// The parts of the estimator, each by itself.
#include <doctest/doctest.h>

#include "sfu/congestion/acknowledged_rate.hpp"
#include "sfu/congestion/aimd_rate.hpp"
#include "sfu/congestion/application_limit.hpp"
#include "sfu/congestion/inter_arrival.hpp"
#include "sfu/congestion/loss_control.hpp"
#include "sfu/congestion/peak_rate.hpp"
#include "sfu/congestion/trendline.hpp"

using namespace roomgate;
using namespace roomgate::sfu::congestion;

namespace {

const TimePoint kStart{seconds(100)};

// Packets 10 ms apart, each `more` ms longer under way than the one before.
Usage after(Trendline& trend, int groups, double more) {
  static double at = 0;
  for (int i = 0; i < groups; ++i) trend.on_group({.sent = 10, .arrived = 10 + more, .at = at += 10});
  return trend.usage();
}

}  // namespace

TEST_CASE("packets that left within 5 ms are one group, and the delta is between their ends") {
  InterArrival groups;
  CHECK_FALSE(groups.on_packet(0, 100'000));
  CHECK_FALSE(groups.on_packet(5'000, 101'000));
  CHECK_FALSE(groups.on_packet(20'000, 122'000));

  const auto delta = groups.on_packet(40'000, 140'000);

  REQUIRE(delta);
  CHECK(delta->sent == doctest::Approx(15));
  CHECK(delta->arrived == doctest::Approx(21));
}

TEST_CASE("packets that a link held up and let go at once are one group") {
  InterArrival groups;
  groups.on_packet(0, 100'000);
  groups.on_packet(20'000, 220'000);
  CHECK_FALSE(groups.on_packet(40'000, 220'500));
  CHECK_FALSE(groups.on_packet(60'000, 221'000));

  const auto delta = groups.on_packet(80'000, 240'000);

  REQUIRE(delta);
  CHECK(delta->sent == doctest::Approx(60));
  CHECK(delta->arrived == doctest::Approx(121));
}

TEST_CASE("arrivals that go backwards again and again begin anew instead of counting") {
  InterArrival groups;
  std::int64_t arrived = 1'000'000'000;
  for (std::int64_t sent = 0; sent < 3'000'000; sent += 20'000) {
    if (const auto delta = groups.on_packet(sent, arrived)) CHECK(delta->arrived >= 0);
    arrived -= 10'000;
  }
}

TEST_CASE("a steady delay is normal, a growing one overuse, a shrinking one underuse") {
  Trendline trend;
  CHECK(after(trend, 60, 0) == Usage::normal);
  CHECK(after(trend, 30, 2) == Usage::over);
  CHECK(trend.queued() > 20);
  CHECK(after(trend, 20, -2) == Usage::under);
  CHECK(after(trend, 60, 0) == Usage::normal);
}

TEST_CASE("jitter alone becomes no overuse") {
  Trendline trend;
  for (int i = 0; i < 500; ++i) {
    CHECK(after(trend, 1, i % 2 == 0 ? 4 : -4) != Usage::over);
  }
}

TEST_CASE("a delay that stays is forgotten as a queue after a while") {
  Trendline trend;
  after(trend, 60, 0);
  after(trend, 1, 200);
  after(trend, 100, 0);
  CHECK(trend.queued() > 150);
  after(trend, 2000, 0);
  CHECK(trend.queued() < 10);
}

TEST_CASE("the acknowledged rate is that of the slower of sending and arriving") {
  AcknowledgedRate honest;
  AcknowledgedRate squeezed;
  for (std::int64_t at = 0; at < 3'000'000; at += 10'000) {
    honest.on_arrival({.sent = at, .arrived = at * 2, .bytes = 1250}, false);
    squeezed.on_arrival({.sent = at, .arrived = at / 1000, .bytes = 1250}, false);
  }
  CHECK(*honest.rate() == doctest::Approx(500'000).epsilon(0.03));
  CHECK(*squeezed.rate() == doctest::Approx(1'000'000).epsilon(0.03));
}

TEST_CASE("where a path is congested an acknowledged rate of less than half is believed at once") {
  for (const bool congested : {false, true}) {
    AcknowledgedRate rate;
    std::int64_t at = 0;
    const auto arrive = [&](int packets, std::int64_t apart) {
      for (int i = 0; i < packets; ++i, at += apart) {
        rate.on_arrival({.sent = at, .arrived = at, .bytes = 1250}, congested);
      }
    };
    arrive(300, 10'000);
    CHECK(*rate.rate() == doctest::Approx(1e6).epsilon(0.03));

    arrive(30, 15'000);
    CHECK(*rate.rate() > 700e3);
    arrive(8, 100'000);
    CHECK((*rate.rate() < 150e3) == congested);
  }
}

TEST_CASE(
    "the delay's rate grows by 8 % a second, never far above what arrived, and falls below it on overuse") {
  AimdRate rate({.min = 50e3, .max = 1e9, .start = 1e6});
  TimePoint now = kStart;
  for (int i = 0; i <= 10; ++i) rate.update({.acknowledged = 1e6}, now += milliseconds(100));
  CHECK(rate.rate() == doctest::Approx(1.08e6).epsilon(0.01));

  for (int i = 0; i < 200; ++i) rate.update({.acknowledged = 1e6}, now += milliseconds(100));
  CHECK(rate.rate() == doctest::Approx(1.51e6));

  CHECK(rate.update({.usage = Usage::over, .acknowledged = 1e6}, now += milliseconds(100)));
  CHECK(rate.rate() == doctest::Approx(0.85e6));
  CHECK_FALSE(rate.update({.usage = Usage::over, .acknowledged = 1e6}, now += milliseconds(100)));
}

TEST_CASE("who sends less than allowed gains nothing by a quiet path, and loses little by one stall") {
  AimdRate rate({.min = 50e3, .max = 1e9, .start = 1e6});
  TimePoint now = kStart;
  for (int i = 0; i < 50; ++i) {
    rate.update({.acknowledged = 1e5, .application_limited = true}, now += milliseconds(100));
  }
  CHECK(rate.rate() == doctest::Approx(1e6));

  rate.update({.usage = Usage::over, .acknowledged = 1e5, .application_limited = true},
              now += milliseconds(100));
  CHECK(rate.rate() == doctest::Approx(0.7e6));
  rate.update({.usage = Usage::over, .acknowledged = 1e5, .application_limited = true},
              now += milliseconds(300));
  CHECK(rate.rate() == doctest::Approx(0.085e6));
}

namespace {

// Runs loss control for so long on a path that carries `capacity` and loses `own` of the rest.
double settled(double capacity, double own, int intervals) {
  LossControl control(2e6);
  TimePoint now = kStart;
  for (int i = 0; i < intervals; ++i) {
    const double rate = control.rate();
    const double arrives = std::min(rate * (1 - own), capacity);
    const auto packets = [](double bits) { return static_cast<unsigned>(bits * 0.2 / 9600 + 0.5); };
    control.update({.arrived = packets(arrives),
                    .lost = packets(rate) - packets(arrives),
                    .allowed = 2e6,
                    .acknowledged = arrives,
                    .round_trip = milliseconds(50)},
                   now += milliseconds(200));
  }
  return control.rate();
}

}  // namespace

TEST_CASE("loss by sending too much brings the rate down to what the path carries") {
  CHECK(settled(500e3, 0, 60) < 700e3);
  CHECK(settled(500e3, 0, 60) > 300e3);
}

TEST_CASE("loss short of a flood lowers the rate no further than to a little less than what arrives") {
  LossControl control(450e3);
  TimePoint now = kStart;
  for (int i = 0; i < 20; ++i) {
    control.update(
        {.arrived = 80, .lost = 20, .allowed = 450e3, .acknowledged = 400e3, .round_trip = milliseconds(50)},
        now += milliseconds(400));
  }
  CHECK(control.rate() == doctest::Approx(0.85 * 400e3));
}

TEST_CASE("loss that stays when less is sent is the path's own and starves nobody") {
  CHECK(settled(1e9, 0.05, 200) > 1.9e6);
  CHECK(settled(1e9, 0.20, 200) > 800e3);
}

TEST_CASE("application-limited is who sends less than seven tenths of what is allowed, until it is eight") {
  ApplicationLimit limit;
  TimePoint now = kStart;
  const auto send = [&](double rate) {
    limit.update(1e6, now);
    limit.on_sent(static_cast<std::size_t>(rate / 16));
    limit.update(1e6, now += milliseconds(500));
    return limit.limited();
  };
  CHECK_FALSE(send(0.9e6));
  CHECK_FALSE(send(0.75e6));
  CHECK(send(0.65e6));
  CHECK(send(0.75e6));
  CHECK_FALSE(send(0.85e6));
}

TEST_CASE("a peak of audio is kept in mind for seconds") {
  PeakRate rate;
  rate.update(kStart);
  rate.add(25'000);
  rate.update(kStart + milliseconds(500));
  CHECK(rate.rate() == doctest::Approx(400e3));

  rate.update(kStart + milliseconds(1000));
  CHECK(rate.rate() == doctest::Approx(380e3));
}
