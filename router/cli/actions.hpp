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
// peers.cpp
int show_peers(const Endpoint& gate);

// shards.cpp
int show_shards(const Endpoint& gate);
struct State {
  std::string shard;
  std::string state;
  bool local = false;  // for this front door only; so for all of them
};
int set_state(const Endpoint& gate, const State& wanted);

// drain.cpp
struct Drain {
  std::string shard;
  std::string deadline;  // "30m"; empty: none
  bool wait = false;
  bool local = false;
};
int drain(const Endpoint& gate, const Drain& wanted);

// rooms.cpp
struct RoomList {
  std::string prefix;
  std::string shard;
  std::string sort = "name";
  std::size_t limit = 1000;
  bool split = false;  // only those with two homes
};
int show_rooms(const Endpoint& gate, const RoomList& wanted);
struct Room {
  std::string key;
  std::string move_to;  // empty: stays
  bool forget = false;
  bool local = false;
};
int one_room(const Endpoint& gate, const Room& wanted);

// bans.cpp
int show_bans(const Endpoint& gate);
struct Ban {
  std::string kind;  // room, prefix, tenant
  std::string text;
  int status = 403;
  bool local = false;
};
int ban(const Endpoint& gate, const Ban& wanted);
int unban(const Endpoint& gate, const Ban& wanted);

}  // namespace roomgate::router::cli
