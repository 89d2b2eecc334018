// What the stick table says about a room. Values, any thread.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace roomgate::router::stick {

// A shard's number within this process; balance::ShardNames gives it out. Names are what is stored or sent
// anywhere.
using ShardId = std::uint32_t;
inline constexpr ShardId kNoShard = 0xffffffff;

// last_used of an entry that this gate only knows of. Long ago, and no overflow when it is taken from a
// clock.
inline constexpr TimePoint kNeverUsed = TimePoint(-std::chrono::hours(100 * 365 * 24));

// Who made the entry what it is.
enum class Origin : std::uint8_t {
  request,  // a request to this gate
  moved,    // its shard died, or an operator moved it
  peer,     // another front door decided
  seeded,   // a shard's census, or a table handed over
};

// Why it is on that shard. Of entries that came from elsewhere their origin says more.
enum class Placed : std::uint8_t {
  policy,      // balance.policy chose it, in the region it was wanted in
  fallback,    // the same, but that region had no shard for it
  forced,      // its name, or a path, names the shard
  pinned,      // by [[pins]]
  overridden,  // by a query that asks for a release
  failure,     // moved: its shard was down
  by_hand,     // moved by an operator
  drained,     // moved: its shard was drained, and the deadline was over
};

struct Entry {
  ShardId shard = kNoShard;
  std::uint64_t generation = 1;  // higher wins, always
  TimePoint created{};
  TimePoint last_used{};    // exact to a second
  std::uint32_t holds = 0;  // open tunnels of this gate
  bool provisional = false;
  Origin origin = Origin::request;
  Placed placed = Placed::policy;
  std::uint16_t region = 0;  // it was wanted in, when it was made: a number of Table::regions()
  // Tells an entry from a later one of the same key (forgotten, or expired, and made anew). A move keeps it.
  std::uint64_t serial = 0;
};

// What a chooser says.
struct Choice {
  ShardId shard = kNoShard;
  Placed placed = Placed::policy;
  std::uint16_t region = 0;

  Choice() = default;
  Choice(ShardId to) : shard(to) {}
  Choice(ShardId to, Placed why, std::uint16_t for_region) : shard(to), placed(why), region(for_region) {}
};

struct NamedEntry {
  std::string key;
  Entry entry;
};

}  // namespace roomgate::router::stick
