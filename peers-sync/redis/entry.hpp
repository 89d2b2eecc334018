// A room as Redis keeps it: "GENERATION SHARD CREATED IDLE PROVISIONAL PLACED REGION". A value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::redis {

struct Entry {
  std::uint64_t generation = 1;
  std::string shard;
  std::int64_t created = 0;  // milliseconds, by Redis' clock
  std::int64_t idle = 0;     // when it is over; 0: somebody holds it
  bool provisional = false;
  std::uint8_t placed = 0;
  std::string region;

  bool is_live(std::int64_t now) const { return idle == 0 || idle > now; }
  friend bool operator==(const Entry&, const Entry&) = default;
};

std::string pack(const Entry& entry);
// nullopt: it is none; who else writes there?
std::optional<Entry> unpack(std::string_view text);

}  // namespace roomgate::peers_sync::redis
