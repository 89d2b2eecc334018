#include "conf/gate_parts.hpp"

namespace roomgate::conf {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

// What a hello's lines can carry.
Allowed<std::string> peer_name() {
  return {"1 to 64 characters without spaces", [](const std::string& text) {
            return !text.empty() && text.size() <= 64 && text.find_first_of(" \t\r\n") == text.npos;
          }};
}

Allowed<std::string> lease() {
  return {"\"auto\", or a time from 100ms to 60s", [](const std::string& text) {
            if (text == "auto") return true;
            const auto time = parse_duration(text);
            return time && *time >= milliseconds(100) && *time <= seconds(60);
          }};
}

Allowed<std::string> redis_url() {
  return {"redis://[USER:PASSWORD@]HOST:PORT/NUMBER, or rediss:// for TLS", [](const std::string& text) {
            return text.starts_with("redis://") || text.starts_with("rediss://");
          }};
}

void describe_member(Binder& b, Gate::Peers::Member& member) {
  b.required("name");
  b.required("address");
  b.key("name", member.name, peer_name(), "its gate.name, or the name of a HAProxy in its peers section");
  b.key("address", member.address, address_and_port(), "its peers.address, as seen from here");
}

}  // namespace

void describe_peers(Binder& b, Gate& gate) {
  Gate::Peers& peers = gate.peers;
  b.table("peers", "The other front doors: together they have one table of rooms.");
  b.key("mode", peers.mode, one_of({"off", "peers", "redis"}),
        "off: this gate is alone; peers: a mesh, by HAProxy's peers protocol; redis: through a Redis");
  b.key("address", peers.address, address_and_port(),
        "where the others connect to; mode redis: they are told so there, unless it is 0.0.0.0 or ::");
  b.key("discover_srv", peers.discover_srv, anything<std::string>(),
        "SRV records of the members; a member's name is the first label of its target");
  b.key("allow", peers.allow, network_or_address(), "who may connect; none: the members' addresses");
  b.key("tls.certificate", peers.tls.certificate, anything<std::string>(),
        "PEM file, for mutual TLS: this gate's certificate, with gate.name in it; empty: no TLS");
  b.key("tls.key", peers.tls.key, anything<std::string>(), "its key; empty: in the same file");
  b.key("tls.ca", peers.tls.ca, anything<std::string>(),
        "PEM file of the authorities that vouch for members; their certificates must have their names");
  b.key("claim_timeout", peers.claim_timeout, between(Duration(milliseconds(100)), Duration(seconds(60))),
        "longest wait of a first request for its room's owner; then 503, never a decision of its own");
  b.key("lease", peers.lease, lease(), "auto: 500ms, or four round trips if that is more");
  b.key("table", peers.table, not_empty(),
        "HAProxy: the backend's name, or /NAME of a table in its peers section");
  b.key("key_length", peers.key_length, between(std::int64_t{1}, std::int64_t{8192}), "HAProxy: its len");
  b.key("haproxy_key", peers.haproxy_key, one_of({"room", "tenant/room", "off"}),
        "HAProxy: what its keys are; off: it is told nothing");
  b.key("server_key", peers.server_key, one_of({"name", "addr"}),
        "HAProxy: addr for tables with srvkey addr");
  b.key("expire", peers.expire, between(Duration(seconds(10)), Duration(hours(24 * 365))),
        "HAProxy: its expire; entries in use are said again every third of it");
  b.key("census_interval", peers.census_interval, between(Duration(seconds(1)), Duration(hours(1))),
        "between two questions to a shard which rooms it has (shards.census)");
  b.key("redis.url", peers.redis.url, redis_url(), "mode redis: where it is");
  b.key("redis.sentinels", peers.redis.sentinels, address_and_port(),
        "or the sentinels that know where; none: by the url");
  b.key("redis.sentinel_master", peers.redis.sentinel_master, anything<std::string>(),
        "the name by which they know it");
  b.key(
      "redis.sentinel_tls", peers.redis.sentinel_tls,
      "the sentinels speak TLS, with a certificate for the address by which they are given here (redis.ca)");
  b.key("redis.sentinel_user", peers.redis.sentinel_user, anything<std::string>(),
        "who we are to the sentinels, since 6.2; empty: the default user");
  b.key("redis.sentinel_password_file", peers.redis.sentinel_password_file, anything<std::string>(),
        "file with the sentinels' password; empty: they want none");
  b.key("redis.password_file", peers.redis.password_file, anything<std::string>(),
        "file with the password; empty: the url's");
  b.key("redis.ca", peers.redis.ca, anything<std::string>(),
        "with TLS: PEM file of the authorities that vouch for it; empty: the system's");
  b.key("redis.failover_hold", peers.redis.failover_hold, between(Duration(0), Duration(minutes(1))),
        "after a failover new rooms wait this long, until every gate has said again what it has");
  b.blocks("peers.members", peers.members,
           "Another front door, or a HAProxy beside this one; one with gate.name is left out.",
           describe_member);
}

void check_peers(Binder& b, Gate& gate) {
  const Gate::Peers& peers = gate.peers;
  b.table("peers", "");
  if (peers.mode == "peers" && peers.members.empty() && peers.discover_srv.empty()) {
    b.reject("mode", "with \"peers\" at least one [[peers.members]], or discover_srv, is needed");
  }
  for (std::size_t i = 0; i < peers.members.size(); ++i) {
    for (std::size_t j = i + 1; j < peers.members.size(); ++j) {
      if (peers.members[i].name == peers.members[j].name) {
        b.reject("members", "two have the name " + peers.members[i].name);
      }
    }
  }
  if (peers.tls.certificate.empty() != peers.tls.ca.empty()) {
    b.reject("tls.certificate", "mutual TLS needs both tls.certificate and tls.ca");
  }
  if (!peers.redis.sentinels.empty() && peers.redis.sentinel_master.empty()) {
    b.reject("redis.sentinels", "redis.sentinel_master, the name by which they know it, is needed");
  }
  if (!peers.redis.sentinel_user.empty() && peers.redis.sentinel_password_file.empty()) {
    b.reject("redis.sentinel_user", "redis.sentinel_password_file is needed too");
  }
}

}  // namespace roomgate::conf
