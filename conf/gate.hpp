// The settings of roomgate, with their defaults in place. contract.md has the meaning of each; describe() in
// gate.cpp has the range and help text, and conf/roomgate.reference.toml is generated from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "conf/binder.hpp"

namespace roomgate::conf {

struct Gate {
  struct Listen {
    std::string address;
    struct Tls {
      std::vector<std::string> certificates;
      std::string min_version = "1.2";
      std::vector<std::string> alpn = {"h2", "http/1.1"};
      std::int64_t tickets = 1;
      std::string ticket_keys;
      std::string client_ca;
      std::string client_verify = "required";
    } tls;
    std::vector<std::string> proxy_protocol_from;
    std::vector<std::string> trust_forwarded_from;
    bool redirect_to_https = false;
    bool http2_cleartext = false;
  };
  // What a shard is beside its name and address: the same keys in [[shards]] and in [[discover]].
  struct ShardKind {
    std::string region;
    std::int64_t weight = 1;
    std::string release;
    bool check = true;
    bool tls = false;
    bool tls_verify = true;
    std::string tls_ca;
    std::string tls_sni;
    std::int64_t max_connections = 0;
    std::int64_t soft_rooms = 0;
    std::int64_t max_rooms = 0;
    std::string census = "/about/rooms";
    bool wants_census = false;  // it stands in the file
  };
  struct Shard {
    std::string name;
    std::string address;
    std::string announce;
    std::string agent;
    std::int64_t haproxy_id = 0;
    std::string haproxy_name;
    ShardKind kind;
  };
  // Shards that DNS knows: one block for one name there.
  struct Discover {
    std::string srv;
    std::string a;
    std::string name_from = "target";
    std::string name_prefix;
    Duration refresh = std::chrono::seconds(10);
    bool srv_weight = false;
    std::int64_t agent_port = 0;
    ShardKind kind;
  };

  std::string name;
  std::string region;
  std::int64_t threads = 0;

  std::vector<Listen> listen;

  struct Admin {
    std::string address = "127.0.0.1:9090";
    std::string socket;
    std::string token_file;
    std::string probe_address;
    std::string access_log = "stdout";
    std::string access_log_addresses = "truncated";
  } admin;

  struct Rooms {
    std::vector<std::string> sources = {"query:room", "path"};
    bool tenants = true;
    bool pages_create = true;
    bool force_suffix = false;
    std::int64_t max_key_bytes = 1024;
    Duration idle = std::chrono::minutes(10);
    Duration reconnect_grace = std::chrono::minutes(2);
    std::int64_t max_entries = 1'000'000;
    std::string snapshot;
    Duration snapshot_interval = std::chrono::seconds(10);
  } rooms;

  struct Balance {
    std::string policy = "roundrobin";
    Duration slow_start{0};
    std::string live_release;
    bool release_override = true;
  } balance;
  std::vector<Shard> shards;
  std::vector<Discover> discover;
  struct Dns {
    std::vector<std::string> servers;
    Duration timeout = std::chrono::seconds(2);
    std::int64_t tries = 3;
  } dns;
  std::vector<std::string> expose;
  bool debug_headers = false;

  struct Health {
    bool enabled = true;
    std::string path = "/about/health";
    std::string host;
    std::vector<std::string> expect = {"200"};
    std::vector<std::string> headers;
    Duration interval = std::chrono::seconds(3);
    Duration interval_fast = std::chrono::milliseconds(500);
    Duration timeout = std::chrono::seconds(2);
    std::int64_t rise = 2;
    std::int64_t fall = 3;
    bool observe = true;
    Duration agent_interval = std::chrono::seconds(5);
    double panic = 0.5;
    Duration panic_hold = std::chrono::seconds(30);
  } health;

  // By name.
  struct Region {
    std::vector<std::string> fallback;
    std::vector<std::string> cidrs;
    std::vector<std::string> countries;
  };
  std::map<std::string, Region> regions;
  struct Geo {
    std::string header = "X-Region";
    std::vector<std::string> order = {"header", "cidr", "geoip", "gate"};
  } geo;
  std::string geoip_database;

  struct Pin {
    std::string release;
    std::string tenant;
    std::string prefix;
  };
  std::vector<Pin> pins;
  struct Ban {
    std::string room;
    std::string prefix;
    std::string tenant;
    std::int64_t status = 403;
  };
  std::vector<Ban> bans;

  struct Limits {
    std::int64_t header_bytes = 16 * 1024;
    std::int64_t headers = 100;
    std::int64_t target_bytes = 8 * 1024;
    std::int64_t connections = 20'000;
    // Of one client address, of IPv6 one /64. Schools have a thousand people behind one.
    struct PerAddress {
      std::int64_t connections = 5000;
      Rate handshakes{300, std::chrono::seconds(1), 3000};
      Rate requests{2000, std::chrono::seconds(1), 10'000};
      Rate new_rooms{20, std::chrono::seconds(1), 500};
    } per_address;
    std::int64_t addresses = 65'536;
    std::int64_t tunnels_per_room = 2000;
    std::int64_t body_bytes = std::int64_t{1} << 30;
    std::int64_t body_rate = 64;
    Duration body_rate_after = std::chrono::seconds(30);
    std::int64_t pool_per_shard = 256;
    std::int64_t queue_per_shard = 1000;
    // Of one HTTP/2 connection.
    struct Http2 {
      std::int64_t streams = 100;
      std::int64_t stream_window = 64 * 1024;
      std::int64_t connection_window = 256 * 1024;
      Rate resets{33, std::chrono::seconds(1), 200};
      Rate settings{1, std::chrono::seconds(1), 20};
      Rate pings{10, std::chrono::seconds(1), 100};
      Rate priorities{50, std::chrono::seconds(1), 500};
      Rate window_updates{50, std::chrono::seconds(1), 500};
      Rate empty_frames{10, std::chrono::seconds(1), 50};
      Rate refused{20, std::chrono::seconds(1), 200};
      Rate errors{10, std::chrono::seconds(1), 100};
      Rate others{5, std::chrono::seconds(1), 50};
    } h2;
  } limits;

  struct Timeouts {
    Duration request = std::chrono::seconds(10);     // the whole head
    Duration keep_alive = std::chrono::seconds(60);  // between requests
    Duration client = std::chrono::seconds(60);      // silence while a body is under way
    Duration connect = std::chrono::seconds(3);
    Duration server = std::chrono::seconds(90);  // to the first byte of the answer, and between bytes
    Duration tunnel = std::chrono::hours(1);     // silence on both sides
    Duration handshake = std::chrono::seconds(10);
    Duration queue = std::chrono::seconds(5);        // for one of a shard's max_connections
    Duration client_fin = std::chrono::seconds(60);  // of a tunnel whose shard has ended
    Duration server_fin = std::chrono::seconds(60);  // of a tunnel whose client has ended
    Duration pool = std::chrono::seconds(15);        // of an idle connection to a shard
  } timeouts;

  // The other front doors.
  struct Peers {
    struct Member {
      std::string name;
      std::string address;
    };
    struct Tls {
      std::string certificate;
      std::string key;
      std::string ca;
    };
    struct Redis {
      std::string url = "redis://127.0.0.1:6379/0";
      std::vector<std::string> sentinels;
      std::string sentinel_master;
      bool sentinel_tls = false;
      std::string sentinel_user;
      std::string sentinel_password_file;
      std::string password_file;
      std::string ca;
      Duration failover_hold = std::chrono::seconds(2);
    };
    std::string mode = "off";
    std::string address = "0.0.0.0:1024";
    std::vector<Member> members;
    std::string discover_srv;
    std::vector<std::string> allow;
    Tls tls;
    Duration claim_timeout = std::chrono::seconds(3);
    std::string lease = "auto";
    std::string table = "jitsi-meet";
    std::int64_t key_length = 128;
    std::string haproxy_key = "room";
    std::string server_key = "name";
    Duration expire = std::chrono::hours(24);
    Duration census_interval = std::chrono::seconds(10);
    Redis redis;
  } peers;

  // Tunnels of a room that moved, and of shards that are emptied.
  struct Heal {
    Duration window = std::chrono::seconds(10);
    std::int64_t rate = 200;
  } heal;

  struct Shutdown {
    Duration delay = std::chrono::seconds(5);
    Duration grace = std::chrono::seconds(60);
  } shutdown;

  struct Upgrade {
    std::string socket;
    Duration grace = std::chrono::hours(12);
  } upgrade;
};

void describe(Binder& binder, Gate& gate);

// All mistakes at once, each as a line for the operator.
Result<Gate, std::vector<Mistake>> load_gate(const std::string& file);
Result<Gate, std::vector<Mistake>> parse_gate(const std::string& text, const std::string& file);
std::string gate_reference();

}  // namespace roomgate::conf
