#include "bench/roomload/report/words.hpp"

#include <doctest/doctest.h>

#include "bench/roomload/report/plot.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::report;

TEST_CASE("figures have three digits and a unit") {
  CHECK(count(0) == "0");
  CHECK(count(999) == "999");
  CHECK(count(1234567) == "1,234,567");
  CHECK(digits(0) == "0");
  CHECK(digits(0.42) == "0.42");
  CHECK(digits(4.278) == "4.28");
  CHECK(digits(31.46) == "31.5");
  CHECK(digits(812.3) == "812");
  CHECK(digits(99.96) == "100");
  CHECK(time(std::chrono::microseconds(412)) == "0.412 ms");
  CHECK(time(milliseconds(2310)) == "2.31 s");
  CHECK(time(Duration{}) == "0 ms");
  CHECK(bitrate(812'000) == "812 kbit/s");
  CHECK(bitrate(2'500'000) == "2.5 Mbit/s");
  CHECK(bitrate(1.25e9) == "1.25 Gbit/s");
  CHECK(clock_time(seconds(7)) == "0:07");
  CHECK(clock_time(seconds(750)) == "12:30");
  CHECK(clock_time(seconds(3600)) == "1:00:00");
  CHECK(people(1) == "1 person");
  CHECK(people(2400) == "2,400 people");
}

TEST_CASE("what is more than nothing is never shown as nothing") {
  CHECK(percent(0.0) == "0 %");
  CHECK(percent(1, 100'000'000) == "< 0.001 %");
  CHECK(percent(1, 10'000) == "0.01 %");
  CHECK(percent(43, 1000) == "4.3 %");
  CHECK(percent(0, 0) == "0 %");
}

TEST_CASE("an axis has round numbers that reach its largest value") {
  struct Case {
    double most;
    std::vector<double> wanted;
  };
  for (const Case& c : {Case{100, {0, 50, 100}}, Case{7, {0, 2, 4, 6, 8}},
                        Case{0.013, {0, 0.005, 0.01, 0.015}}, Case{0, {0, 1}}, Case{1, {0, 0.5, 1}}}) {
    CAPTURE(c.most);
    const auto got = ticks(c.most, 4);
    REQUIRE(got.size() == c.wanted.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK(got[i] == doctest::Approx(c.wanted[i]));
  }
  CHECK(ticks(1, 4, true) == std::vector<double>{0, 1});
  CHECK(time_ticks(60, 8) == std::vector<double>{0, 10, 20, 30, 40, 50, 60});
  CHECK(time_ticks(7200, 8).size() == 9);
}
