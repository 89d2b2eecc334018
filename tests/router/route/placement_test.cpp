// Rooms on a fleet that changes all the time; the long form is `./dev bench placement`.
#include <doctest.h>

#include "tests/router/route/fleet.hpp"

using namespace roomgate;
using namespace roomgate::router::route;

namespace {

FleetOptions short_day(std::string_view policy, std::uint64_t seed) {
  return {.policy = std::string(policy),
          .shards = 30,
          .rooms = 3000,
          .length = std::chrono::minutes(40),
          .room_life = std::chrono::minutes(5),
          .between_changes = seconds(4),
          .seed = seed};
}

}  // namespace

TEST_CASE("rooms move once when their shard dies, and never else, whatever happens to the fleet") {
  for (std::string_view policy : {"roundrobin", "leastrooms", "leastload", "hash"}) {
    CAPTURE(policy);
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      CAPTURE(seed);
      const FleetReport report = run_fleet(short_day(policy, seed));

      CHECK(report.moved_without_need == 0);
      CHECK(report.placed_wrongly == 0);
      CHECK(report.refused_wrongly == 0);
      CHECK(report.left_behind == 0);
      CHECK(report.moved <= report.had_to_move);
      // Or the day was too quiet to show anything.
      CHECK(report.placed + report.refused == 3000);
      CHECK(report.deaths > 20);
      CHECK(report.moved > 100);
      CHECK(report.spilled > 0);
    }
  }
}

TEST_CASE("a fleet that is left alone is level") {
  for (std::string_view policy : {"roundrobin", "leastrooms", "leastload", "hash"}) {
    CAPTURE(policy);
    FleetOptions options = short_day(policy, 1);
    options.between_changes = Duration(0);
    options.idle = seconds(30);

    const FleetReport report = run_fleet(options);

    CHECK(report.defects() == 0);
    CHECK(report.moved == 0);
    CHECK(report.variation > 0);
    // What chance alone does to some twelve rooms a shard is 0.29.
    CHECK(report.variation < (policy == "leastrooms" ? 0.25 : 0.45));
  }
}
