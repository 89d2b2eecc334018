#include "base/metrics.hpp"

#include <doctest/doctest.h>

#include <string>

#include "base/process_metrics.hpp"

using namespace roomgate::metrics;

TEST_CASE("writes counters, gauges and histograms in the Prometheus text format") {
  Registry registry;
  auto& requests = registry.counter("x_requests_total", "Requests.", {"shard", "code"});
  auto& rooms = registry.gauge("x_rooms", "Rooms.");
  auto& seconds = registry.histogram("x_seconds", "Time.");
  requests.with({"a\"b", "200"}).add(3);
  rooms.with({}).set(2.5);
  seconds.with({}).observe(0.002);
  seconds.with({}).observe(100);

  const std::string text = registry.text();

  CHECK(text.find("# TYPE x_requests_total counter\nx_requests_total{shard=\"a\\\"b\",code=\"200\"} 3\n") !=
        std::string::npos);
  CHECK(text.find("x_rooms 2.5\n") != std::string::npos);
  CHECK(text.find("x_seconds_bucket{le=\"0.0025\"} 1\n") != std::string::npos);
  CHECK(text.find("x_seconds_bucket{le=\"60\"} 1\n") != std::string::npos);
  CHECK(text.find("x_seconds_bucket{le=\"+Inf\"} 2\n") != std::string::npos);
  CHECK(text.find("x_seconds_count 2\n") != std::string::npos);
}

TEST_CASE("writes OpenMetrics: no _total in a counter's name, decimal bounds, an end") {
  Registry registry;
  registry.counter("x_requests_total", "Re\"quests.").with({}).add(3);
  registry.histogram("x_seconds", "Time.").with({}).observe(0.002);

  const std::string text = registry.text(Format::openmetrics, "# TYPE more gauge\nmore 1\n");

  CHECK(text.find("# HELP x_requests Re\\\"quests.\n# TYPE x_requests counter\nx_requests_total 3\n") !=
        std::string::npos);
  CHECK(text.find("x_seconds_bucket{le=\"1.0\"} 1\n") != std::string::npos);
  CHECK(text.find("x_seconds_bucket{le=\"5e-05\"} 0\n") != std::string::npos);
  CHECK(text.find("x_seconds_sum 0.002\n") != std::string::npos);
  CHECK(text.ends_with("more 1\n# EOF\n"));
}

TEST_CASE("a scraper gets the format it asks for") {
  CHECK(asked_for("application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5") ==
        Format::openmetrics);
  CHECK(asked_for("text/plain") == Format::prometheus);
  CHECK(asked_for("") == Format::prometheus);
}

TEST_CASE("an observation that is no time does not spoil the sum") {
  Histogram histogram;

  histogram.observe(-1);
  histogram.observe(1e300);

  CHECK(histogram.read().sum == doctest::Approx(1e9));
  CHECK(histogram.read().buckets.back() == 1);
}

TEST_CASE("tells what operators look for in a process") {
  const std::string text = process_metrics(Format::prometheus);

  for (const char* name :
       {"process_cpu_seconds_total ", "process_resident_memory_bytes ", "process_virtual_memory_bytes ",
        "process_open_fds ", "process_max_fds ", "process_start_time_seconds "}) {
    const auto at = text.find(std::string("\n") + name);
    CAPTURE(name);
    REQUIRE(at != std::string::npos);
    CHECK(std::stod(text.substr(at + 1 + std::string_view(name).size())) >= 0);
  }
  CHECK(process_metrics(Format::openmetrics).find("# TYPE process_cpu_seconds counter\n") !=
        std::string::npos);
}

TEST_CASE("labels from outside cannot grow a family without bound") {
  Registry registry;
  auto& family = registry.counter("x_total", "X.", {"name"});

  for (int i = 0; i < 5000; ++i) family.with({std::to_string(i)}).add();

  CHECK(family.series().size() <= 2001);
  CHECK(family.with({"other"}).value() >= 2999);
}
