// Rooms that have gone from one shard to another, as whoever still talks to the old one is told. A value.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::router::session {

struct MovedRooms {
  std::map<std::string, std::string, std::less<>> left;  // room key -> name of the shard that it has left
  Duration window{};                                     // over which its clients are sent away

  // Only who is on the old shard: others have come back to the new one already.
  bool concerns(std::string_view key, std::string_view shard) const {
    const auto found = left.find(key);
    return found != left.end() && found->second == shard;
  }
};

}  // namespace roomgate::router::session
