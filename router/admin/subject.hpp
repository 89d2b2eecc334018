// What the admin endpoint can ask of the gate, and do to it. The gate implements it; called on the control
// core. Tasks are what other front doors have a say in; what their views point into outlives them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/metrics.hpp"
#include "base/net/task.hpp"
#include "base/result.hpp"

namespace roomgate::router::admin {

struct ShardRow {
  std::string name;
  std::string address;                 // the first of its addresses; empty: known by name only
  std::vector<std::string> addresses;  // all
  std::string region;
  std::string release;
  std::string source;    // "settings", or the DNS name it was found by
  bool leaving = false;  // no longer in the settings or in DNS: emptied, then gone
  std::uint32_t weight = 1;
  std::uint32_t share = 100;     // percent of its weight, by its agent's word
  std::uint32_t soft_rooms = 0;  // 0: no bound
  std::uint32_t max_rooms = 0;
  std::string state;   // ready, drain, maint: what the operator said
  bool local = false;  // and said for this front door only
  bool up = true;
  bool takes_rooms = true;
  std::string reason;     // why it is down, or takes no rooms
  std::string announced;  // its own name for itself
  double load = 0;
  std::size_t rooms = 0;
  std::size_t tunnels = 0;
  double requests_per_second = 0;  // over the last ten seconds
  std::uint64_t new_rooms_last_minute = 0;
  // Of one that is being emptied: since when, how many rooms there were, and when what is left is moved.
  struct Drain {
    std::chrono::system_clock::time_point since;
    std::size_t rooms_at_start = 0;
    std::optional<std::chrono::system_clock::time_point> deadline;
    bool empty = false;  // no room and no tunnel is left
  };
  std::optional<Drain> drain;
};

struct RoomRow {
  std::string room;
  std::string shard;
  std::chrono::system_clock::time_point since;
  std::uint32_t tunnels = 0;  // in a list: of this front door; of a room that was asked for: of all
  std::string origin;
  std::string why;     // how its shard was chosen: "roundrobin", "forced", "pinned", "moved by operator" ...
  std::string region;  // that it was placed for; empty: none
  std::uint64_t generation = 1;
  bool provisional = false;
  // Among front doors that agree, of one room that was asked for.
  std::string owner;                 // who decides about it
  std::vector<std::string> holders;  // who has somebody in it, or had lately
  bool split = false;                // it has two homes, which are not yet judged
  std::uint32_t tunnels_here = 0;
  bool all_counted = true;  // each front door has said its number of tunnels
};

// Which rooms to list.
struct RoomQuery {
  std::string_view prefix;
  std::string_view shard;              // empty: of all
  enum class Order { name, tunnels };  // most tunnels first
  Order order = Order::name;
  std::size_t limit = 0;
};

struct BanRow {
  enum class Kind { room, prefix, tenant };
  Kind kind = Kind::room;
  std::string text;
  int status = 403;            // or 429
  bool from_settings = false;  // cannot be lifted here
  bool local = false;          // of this front door only
};

// Whom an operator's word is for.
enum class Scope : std::uint8_t { everywhere, here };

// The other front doors, and how this one stands with them.
struct Peers {
  std::string mode = "off";
  std::string state;  // learning, joining, member, leaving, left
  bool ready = true;
  bool may_decide = true;
  std::vector<std::string> view;     // who decides together; empty: nobody
  std::vector<std::string> missing;  // left without goodbye, not long ago
  std::uint64_t splits = 0;          // rooms found with two homes, since the start
  std::uint64_t asked = 0;  // mode redis: claims that others made for this one, cut off, since the start
  std::uint64_t asked_in_vain = 0;  // and those for which none with Redis was reached
  std::uint64_t clamped = 0;        // rooms said to be made in the future, since the start
  double lease_ms = 0;
  struct Row {
    std::string name;
    std::string address;
    std::string kind;   // "gate", "haproxy", "unknown", "redis"
    std::string state;  // of gates: learning, joining, member, leaving, gone; of others: up, down, learning
    bool up = false;    // a session is open
    bool in_view = false;
    std::string via;  // through which other one it is heard
    double round_trip_ms = 0;
    std::uint64_t updates_in = 0;
    std::uint64_t updates_out = 0;
    std::uint64_t behind = 0;  // of what we said, not yet acknowledged
    std::uint64_t reconnects = 0;
    double up_seconds = 0;
    std::string error;  // the last one
  };
  std::vector<Row> rows;
};

// One [[discover]] block.
struct DiscoveryRow {
  std::string question;
  std::string state;  // "ok", "waiting" (no answer yet), "stale" (the last good answer is kept)
  std::string error;  // of the last question, for people
  std::size_t shards = 0;
  std::size_t seconds_since_good = 0;
  std::size_t seconds_to_next = 0;
};

struct Status {
  std::string name;
  std::string region;
  bool ready = true;
  std::string not_ready;  // why, where it is not
  bool draining = false;
  std::size_t threads = 0;
  std::size_t connections = 0;
  std::size_t rooms = 0;
  std::size_t shards = 0;
  std::size_t shards_up = 0;
  std::size_t uptime_seconds = 0;
};

// What /stats shows beside status, shards and rooms.
struct Overview {
  double requests_per_second = 0;  // over the last ten seconds, as the others
  double connections_per_second = 0;
  double handshakes_per_second = 0;
  std::uint64_t new_rooms_last_minute = 0;
  std::size_t tunnels = 0;
  std::size_t waiting = 0;  // for one of a shard's max_connections
  struct Refusal {
    std::string reason;
    std::uint64_t total = 0;
    std::uint64_t last_minute = 0;
  };
  std::vector<Refusal> refused;  // by reason
  struct Certificate {
    std::string file;
    std::chrono::system_clock::time_point ends;
  };
  std::vector<Certificate> certificates;
};

class Subject {
 public:
  virtual ~Subject() = default;
  // Before an answer is made of what follows: what other cores know is fetched once.
  virtual net::Task<void> look() { co_return; }
  virtual std::string metrics_text(metrics::Format format) = 0;
  virtual Overview overview() { return {}; }
  virtual Status status() = 0;
  virtual std::vector<ShardRow> shards() = 0;
  virtual std::vector<RoomRow> rooms(const RoomQuery& query) = 0;
  // `key`: decoded once; normalised here.
  // Scope::here: what this front door's own table says; nobody is asked.
  virtual net::Task<std::optional<RoomRow>> room(std::string_view key, Scope scope = Scope::everywhere) = 0;
  // Rooms that have two homes in this moment.
  virtual net::Task<std::vector<RoomRow>> split_rooms(std::size_t) { co_return std::vector<RoomRow>(); }
  enum class Forgotten { yes, no_such_room, no_owner, here_only };
  virtual net::Task<Forgotten> forget(std::string_view key, Scope scope) = 0;
  enum class StateError { no_such_shard, no_such_state };
  // `deadline`: of a drain; rooms that are left then are moved, their tunnels closed over heal.window.
  virtual Result<void, StateError> set_state(std::string_view shard, std::string_view state,
                                             std::optional<Duration> deadline, Scope scope) = 0;

  // Moves one room, closes its tunnels over heal.window; its clients come back to the new shard.
  enum class MoveError { no_such_room, no_such_shard, shard_takes_none, is_there, no_owner, here_only };
  struct Moved {
    std::string from;
    std::uint64_t generation = 0;
    std::uint32_t tunnels = 0;  // that will be closed
  };
  virtual net::Task<Result<Moved, MoveError>> move_room(std::string_view, std::string_view, Scope) {
    co_return Result<Moved, MoveError>(fail(MoveError::no_such_room));
  }

  virtual std::vector<BanRow> bans() { return {}; }
  // Replaces one of the same pattern. False: too many.
  virtual bool ban(const BanRow&) { return false; }
  // False: no such pattern, or it is the settings'.
  virtual bool unban(BanRow::Kind, std::string_view, Scope) { return false; }

  virtual std::vector<DiscoveryRow> discovery() { return {}; }
  virtual Peers peers() { return {}; }
};

}  // namespace roomgate::router::admin
