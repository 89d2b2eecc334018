// What the admin endpoint can ask of the gate, and do to it. The gate implements it; called on the control
// core.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.hpp"
#include "base/result.hpp"

namespace roomgate::router::admin {

struct ShardRow {
  std::string name;
  std::string address;
  std::string region;
  std::uint32_t weight = 1;
  std::string state;  // ready, drain, maint: what the operator said
  bool up = true;
  bool takes_rooms = true;
  std::string reason;     // why it is down, or takes no rooms
  std::string announced;  // its own name for itself
  double load = 0;
  std::size_t rooms = 0;
  std::size_t tunnels = 0;
};

struct RoomRow {
  std::string room;
  std::string shard;
  std::chrono::system_clock::time_point since;
  std::uint32_t tunnels = 0;
  std::string origin;
  std::uint64_t generation = 1;
  bool provisional = false;
};

struct Status {
  std::string name;
  std::string region;
  bool ready = true;
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
  virtual std::string metrics_text(metrics::Format format) = 0;
  virtual Overview overview() { return {}; }
  virtual Status status() = 0;
  virtual std::vector<ShardRow> shards() = 0;
  virtual std::vector<RoomRow> rooms(std::string_view prefix, std::size_t limit) = 0;
  // `key`: decoded once; normalised here.
  virtual std::optional<RoomRow> room(std::string_view key) = 0;
  virtual bool forget(std::string_view key) = 0;
  enum class StateError { no_such_shard, no_such_state };
  virtual Result<void, StateError> set_state(std::string_view shard, std::string_view state) = 0;
};

}  // namespace roomgate::router::admin
