#include "base/log.hpp"

#include <doctest/doctest.h>

using namespace roomgate::log;

TEST_CASE("one site lets ten lines a second through and counts the rest") {
  Site site;
  int admitted = 0;

  for (int i = 0; i < 1000; ++i) admitted += site.admit() >= 0 ? 1 : 0;

  // The second may turn over while the loop runs, so twice the limit is the bound.
  CHECK(admitted >= 10);
  CHECK(admitted <= 20);
}
