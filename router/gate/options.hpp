// All settings of a front door, as its parts want them. main fills it from conf::Gate (from_conf).
#pragma once

#include <string>
#include <vector>

#include "base/dns/resolver.hpp"
#include "base/network.hpp"
#include "peers-sync/mesh/peers_replica.hpp"
#include "peers-sync/redis/redis_replica.hpp"
#include "router/admin/server.hpp"
#include "router/census/ask/asker.hpp"
#include "router/directory/blocks.hpp"
#include "router/health/checker.hpp"
#include "router/limits/gatekeeper.hpp"
#include "router/route/bans.hpp"
#include "router/session/settings.hpp"
#include "router/stick/table.hpp"
#include "router/tls/client_context.hpp"
#include "router/tls/contexts.hpp"

namespace roomgate::router::gate {

struct ListenBlock {
  std::string address;
  tls::Options tls;  // no certificates: plain
  Networks proxy_protocol_from;
  Networks trust_forwarded_from;
  bool redirect_to_https = false;
  bool http2_cleartext = false;
};

// The other front doors.
struct Peers {
  std::string mode = "off";
  peers_sync::mesh::PeersOptions mesh;
  peers_sync::redis::Options redis;  // of mode "redis"

  bool on() const { return mode != "off"; }
};

using directory::DiscoverBlock;
using directory::ShardBlock;

struct Options {
  std::string name;
  std::size_t threads = 0;
  std::vector<ListenBlock> listen;
  std::vector<ShardBlock> shards;
  std::vector<DiscoverBlock> discover;
  dns::Options dns;
  session::Settings session;
  std::vector<route::Ban> bans;  // of the settings
  std::string policy = "roundrobin";
  health::Options health;
  census::Options census;
  admin::Options admin;
  stick::Limits table;
  Peers peers;
  std::string access_log = "stdout";
  std::size_t max_connections = 20'000;
  limits::Limits limits;
  Duration shutdown_delay = seconds(5);
  Duration shutdown_grace = seconds(60);
  Duration upgrade_grace = std::chrono::hours(12);
  std::string upgrade_socket;  // empty: none
  std::string snapshot;        // of the stick table; empty: none
  Duration snapshot_interval = seconds(10);
  Duration heal_window = seconds(10);
  std::uint32_t heal_rate = 200;  // tunnels closed a second
};

}  // namespace roomgate::router::gate
