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

// Who made the entry what it is.
enum class Origin : std::uint8_t {
  request,  // a request to this gate
  moved,    // its shard died, or an operator moved it
  peer,     // another front door decided
  seeded,   // a shard's census, or a table handed over
};

struct Entry {
  ShardId shard = kNoShard;
  std::uint64_t generation = 1;  // higher wins, always
  TimePoint created{};
  TimePoint last_used{};    // exact to a second
  std::uint32_t holds = 0;  // open tunnels of this gate
  bool provisional = false;
  Origin origin = Origin::request;
  // Tells an entry from a later one of the same key (forgotten, or expired, and made anew). A move keeps it.
  std::uint64_t serial = 0;
};

struct NamedEntry {
  std::string key;
  Entry entry;
};

}  // namespace roomgate::router::stick
