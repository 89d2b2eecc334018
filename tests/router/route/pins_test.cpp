#include "router/route/pins.hpp"

#include <doctest.h>

using namespace roomgate::router;
using namespace roomgate::router::route;

TEST_CASE("the first pin that fits decides, else the live release") {
  const Pins pins({{.release = "r3", .tenant = "school", .prefix = "exam"},
                   {.release = "r2", .tenant = "School"},
                   {.release = "r1", .prefix = "test-"},
                   {.release = "r0", .tenant = "other", .prefix = "x"}},
                  "live", true);

  CHECK(pins.of_room("school/exam-1") == "r3");
  CHECK(pins.of_room("school/a") == "r2");
  CHECK(pins.of_room("school/test-1") == "r2");
  CHECK(pins.of_room("test-1") == "r1");
  CHECK(pins.of_room("any/test-1") == "r1");
  CHECK(pins.of_room("other/xyz") == "r0");
  CHECK(pins.of_room("other/a") == "live");
  CHECK(pins.of_room("exam-1") == "live");
  CHECK(pins.of_room("school") == "live");
  CHECK(pins.of_room("schools/a") == "live");
  CHECK(Pins().of_room("a") == "");
}

TEST_CASE("patterns are normalised as keys are") {
  const Pins pins({{.release = "r1", .tenant = "%C3%92"}, {.release = "r2", .prefix = "TEST%20"}}, "", true);

  CHECK(pins.of_room("\xc3\xb2/a") == "r1");
  CHECK(pins.of_room("test a") == "r2");
  CHECK(pins.of_tenant("\xc3\x92") == "r1");
}

TEST_CASE("what has no room goes by its tenant's pin, where that is for all of its rooms") {
  const Pins pins({{.release = "r1", .tenant = "a", .prefix = "x"},
                   {.release = "r2", .tenant = "a"},
                   {.release = "r3", .prefix = "b"}},
                  "live", true);

  CHECK(pins.of_tenant("A") == "r2");
  CHECK(pins.of_tenant("b") == "live");
  CHECK(pins.of_tenant("") == "live");
}

TEST_CASE("a query may ask for a release that some shard has, where that is allowed") {
  const balance::ShardSet shards(
      {{.id = 0, .name = "s0", .release = "r1", .up = false}, {.id = 1, .name = "s1"}});
  const Pins pins({}, "live", true);

  CHECK(pins.asked_for("room=a&release=r1", shards) == "r1");
  CHECK(pins.asked_for("room=a&release=r2", shards) == "");
  CHECK(pins.asked_for("room=a&release=", shards) == "");
  CHECK(pins.asked_for("room=a", shards) == "");
  CHECK(pins.asked_for("", shards) == "");
  CHECK(Pins({}, "live", false).asked_for("release=r1", shards) == "");
}
