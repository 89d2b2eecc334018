#include "sfu/congestion/remb_target.hpp"

#include <doctest/doctest.h>

using namespace roomgate::sfu::congestion;

TEST_CASE("starts at the start, grows without loss, holds with some, falls with much") {
  CHECK(remb_target(0, 0, 0) == 1'500'000);
  CHECK(remb_target(1'500'000, 1'400'000, 0) == 1'620'000);
  CHECK(remb_target(1'500'000, 1'400'000, 0.05) == 1'500'000);
  CHECK(remb_target(2'000'000, 2'000'000, 0.2) == 1'800'000);
}

TEST_CASE("stays within its limits, whatever it is told") {
  CHECK(remb_target(6'000'000, 9'000'000, 0) == 6'000'000);
  CHECK(remb_target(160'000, 0, 1) == 150'000);
  CHECK(remb_target(160'000, 0, 50) == 150'000);
  CHECK(remb_target(1, 0, 0.05) == 150'000);
}

TEST_CASE("does not grow far beyond what is used, and does not fall for that") {
  CHECK(remb_target(1'500'000, 100'000, 0) == 1'500'000);
  CHECK(remb_target(3'000'000, 100'000, 0) == 3'000'000);
  CHECK(remb_target(1'990'000, 1'000'000, 0) == 2'000'000);
}
