// A made-up day of a fleet: rooms come and end, shards die, come back, are drained, added, removed and
// weighed anew, and every request is decided by the real route(), table and policy. No sockets, no clock of
// its own. Used by a test (what must be so) and by `./dev bench placement` (how well it is so).
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace roomgate::router::route {

struct FleetOptions {
  std::string policy = "roundrobin";
  std::size_t shards = 200;
  std::size_t regions = 5;
  std::size_t rooms = 100'000;
  Duration length = std::chrono::hours(2);
  Duration room_life = std::chrono::minutes(20);  // on average
  Duration between_changes = seconds(10);         // of the fleet, on average; 0: it stays as it is
  Duration slow_start = seconds(60);
  Duration idle = std::chrono::minutes(10);  // rooms.idle: so long an ended room counts for leastrooms
  std::uint64_t seed = 1;
};

struct FleetReport {
  std::size_t placed = 0;
  std::size_t refused = 0;      // no shard on the spill order took it
  std::size_t spilled = 0;      // to another region
  std::size_t changes = 0;      // of the fleet
  std::size_t deaths = 0;       // of shards
  std::size_t had_to_move = 0;  // rooms that somebody was in when their shard died
  std::size_t moved = 0;
  // Defects: each must be 0.
  std::size_t moved_without_need = 0;
  std::size_t placed_wrongly = 0;   // where no room may go, or past a region or a cap that had room
  std::size_t refused_wrongly = 0;  // though there was such a shard
  std::size_t left_behind = 0;      // had to move, could have, and did not
  // Rooms by weight on the shards of a region that have been left alone for a room's life; means over
  // regions and minutes.
  double most_to_mean = 0;
  double variation = 0;  // standard deviation to mean

  std::size_t defects() const { return moved_without_need + placed_wrongly + refused_wrongly + left_behind; }
};

FleetReport run_fleet(const FleetOptions& options);

}  // namespace roomgate::router::route
