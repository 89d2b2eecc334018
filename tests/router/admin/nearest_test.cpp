#include "router/admin/nearest.hpp"

#include <doctest/doctest.h>

using namespace roomgate::router::admin;

TEST_CASE("the nearest name is one that differs by little") {
  const std::vector<std::string> names{"shard-0", "shard-1", "edge-frankfurt-2", "a"};

  CHECK(nearest("shard0", names) == "shard-0");
  CHECK(nearest("edge-frankfrut-2", names) == "edge-frankfurt-2");
  CHECK(nearest("drian", {"discovery", "drain"}) == "drain");
  CHECK(nearest("bridge", names).empty());
  CHECK(nearest("b", names).empty());
  CHECK(nearest(std::string(10'000, 'x'), names).empty());
}
