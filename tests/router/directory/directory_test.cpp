#include "router/directory/directory.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::router;
using namespace roomgate::router::directory;

TEST_CASE("a shard that comes back under another address is the same shard") {
  balance::ShardNames names;
  Directory directory(names);
  directory.set_blocks({}, {{.srv = "_http._tcp.web"}}, TimePoint{});
  directory.set_found("_http._tcp.web", {{"shard-0", "10.0.0.1:80", {}}}, TimePoint{});
  const auto before = directory.shards();

  const bool changed = directory.set_found("_http._tcp.web", {{"shard-0", "10.0.0.9:80", {}}}, TimePoint{});

  const auto after = directory.shards();
  REQUIRE(after.size() == 1);
  CHECK(changed);
  CHECK(after[0].id == before[0].id);
  CHECK(after[0].addresses == std::vector<std::string>{"10.0.0.9:80"});
}
