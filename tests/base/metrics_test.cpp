#include "base/metrics.hpp"

#include <doctest/doctest.h>

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

TEST_CASE("labels from outside cannot grow a family without bound") {
  Registry registry;
  auto& family = registry.counter("x_total", "X.", {"name"});

  for (int i = 0; i < 5000; ++i) family.with({std::to_string(i)}).add();

  CHECK(family.series().size() <= 2001);
  CHECK(family.with({"other"}).value() >= 2999);
}
