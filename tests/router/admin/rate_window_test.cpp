#include "router/admin/rate_window.hpp"

#include <doctest/doctest.h>

using roomgate::router::admin::RateWindow;

TEST_CASE("tells nothing before there are two readings") {
  RateWindow window;
  CHECK(window.per_second(10) == 0);

  window.sample(1000);

  CHECK(window.per_second(10) == 0);
  CHECK(window.growth(60) == 0);
}

TEST_CASE("tells the rate over the seconds asked for, or over those there are") {
  RateWindow window;
  for (std::uint64_t second = 0; second <= 5; ++second) window.sample(second * 10);
  CHECK(window.per_second(10) == 10);

  for (int second = 0; second < 10; ++second) window.sample(50);

  CHECK(window.per_second(10) == 0);
  CHECK(window.growth(60) == 50);
}

TEST_CASE("forgets what is older than a minute") {
  RateWindow window;
  window.sample(0);
  window.sample(1000);
  for (int second = 0; second < 60; ++second) window.sample(1000);

  CHECK(window.growth(60) == 0);
  CHECK(window.growth(1000) == 0);
}
