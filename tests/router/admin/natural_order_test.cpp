#include "router/admin/natural_order.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate::router::admin;

TEST_CASE("numbers in names go by their value, whatever stands around them") {
  // Each before all that follow it, and none before itself or one that it follows.
  const std::vector<std::string> order = {"",
                                          "7",
                                          "10",
                                          "10a",
                                          "eu-2",
                                          "eu-2-1",
                                          "eu-2-9",
                                          "eu-2-10",
                                          "eu-10-1",
                                          "shard",
                                          "shard-",
                                          "shard-0",
                                          "shard-1",
                                          "shard-2",
                                          "shard-10",
                                          "shard-99999999999999999999998",
                                          "shard-99999999999999999999999",
                                          "shard-100000000000000000000000",
                                          "shard-a",
                                          "shard1",
                                          "sharp-1",
                                          "\xc3\xa9-1"};

  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t k = 0; k < order.size(); ++k) {
      CAPTURE(order[i]);
      CAPTURE(order[k]);
      CHECK(naturally_before(order[i], order[k]) == (i < k));
    }
  }
}

TEST_CASE("zeros before a number do not count, but tell two names apart") {
  CHECK(naturally_before("shard-007", "shard-10"));
  CHECK(naturally_before("shard-2", "shard-010"));
  CHECK(naturally_before("shard-00", "shard-1"));
  CHECK(naturally_before("shard-01-b", "shard-1-a") == false);
  CHECK(naturally_before("shard-01", "shard-1"));
  CHECK_FALSE(naturally_before("shard-1", "shard-01"));
  CHECK_FALSE(naturally_before("shard-01", "shard-01"));
}
