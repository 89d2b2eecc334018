// What the settings say about shards, as the directory wants it. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "router/tls/client_context.hpp"

namespace roomgate::router::directory {

// What a shard is beside its name and where it is.
struct ShardKind {
  std::string region;
  std::uint32_t weight = 1;
  std::string release;
  bool check = true;
  std::uint32_t max_connections = 0;  // 0: no limit
  std::uint32_t soft_rooms = 0;
  std::uint32_t max_rooms = 0;
  std::string census;                     // where it says which rooms it has; empty: it is not asked
  std::optional<tls::ClientOptions> tls;  // none: plain; its address is filled in for each shard
  friend bool operator==(const ShardKind&, const ShardKind&) = default;
};

// One [[shards]] block.
struct ShardBlock {
  std::string name;
  std::string address;
  std::string announce;
  std::string agent;  // ADDRESS:PORT; empty: none
  ShardKind kind;
  std::int64_t haproxy_id = 0;  // in HAProxies beside us; 0: they are not told of it
  std::string haproxy_name;
};

// One [[discover]] block.
enum class NameFrom : std::uint8_t { target, address, announced };
struct DiscoverBlock {
  std::string srv;         // the name to ask for, or
  std::string host;        // the host whose addresses,
  std::uint16_t port = 0;  // with this port
  NameFrom name_from = NameFrom::target;
  std::string name_prefix;
  Duration refresh = seconds(10);
  bool srv_weight = false;
  std::uint16_t agent_port = 0;  // 0: none
  ShardKind kind;

  // Its name in logs, metrics and the directory: "_http._tcp.web.example", "web.example:8080".
  std::string question() const { return srv.empty() ? host + ":" + std::to_string(port) : srv; }
};

// What DNS said of one shard, or of one of its addresses.
struct Endpoint {
  std::string name;     // with its prefix; empty: the shard itself will say (NameFrom::announced)
  std::string address;  // "10.0.1.5:8080"
  std::optional<std::uint32_t> weight;  // of its SRV record, where that counts
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

}  // namespace roomgate::router::directory
