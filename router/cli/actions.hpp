// What each command does, once it is known what was asked for; a file each. They print, and give the exit
// code. Main's thread.
#pragma once

#include <cstdint>
#include <string>

#include "router/cli/endpoint.hpp"

namespace roomgate::router::cli {

// status.cpp
int show_status(const Endpoint& gate);
int show_discovery(const Endpoint& gate);
int show_peers(const Endpoint& gate);

// shards.cpp
int show_shards(const Endpoint& gate);
int set_state(const Endpoint& gate, const std::string& shard, const std::string& state);

// drain.cpp
struct Drain {
  std::string shard;
  std::string deadline;  // "30m"; empty: none
  bool wait = false;
};
int drain(const Endpoint& gate, const Drain& wanted);

// rooms.cpp
struct RoomList {
  std::string prefix;
  std::string shard;
  std::string sort = "name";
  std::size_t limit = 1000;
};
int show_rooms(const Endpoint& gate, const RoomList& wanted);
struct Room {
  std::string key;
  std::string move_to;  // empty: stays
  bool forget = false;
};
int one_room(const Endpoint& gate, const Room& wanted);

// bans.cpp
int show_bans(const Endpoint& gate);
struct Ban {
  std::string kind;  // room, prefix, tenant
  std::string text;
  int status = 403;
};
int ban(const Endpoint& gate, const Ban& wanted);
int unban(const Endpoint& gate, const Ban& wanted);

}  // namespace roomgate::router::cli
