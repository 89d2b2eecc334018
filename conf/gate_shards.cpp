#include <algorithm>
#include <set>

#include "conf/gate_parts.hpp"

namespace roomgate::conf {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// A shard's name stands in paths (/colibri-ws/NAME/...), headers and metrics.
Allowed<std::string> shard_name() {
  return {"1 to 64 of a-z A-Z 0-9 . _ -", [](const std::string& text) {
            constexpr std::string_view kSet =
                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
            return !text.empty() && text.size() <= 64 && text.find_first_not_of(kSet) == std::string::npos;
          }};
}

Allowed<std::string> expected_status() {
  return {"\"200\", \"200-299\" or \"2xx\"", [](const std::string& text) {
            const auto is_status = [](std::string_view part) {
              return part.size() == 3 && part.front() >= '1' && part.front() <= '5' &&
                     part.find_first_not_of("0123456789") == part.npos;
            };
            if (text.size() == 7 && text[3] == '-')
              return is_status(text.substr(0, 3)) && is_status(text.substr(4));
            return is_status(text) ||
                   (text.size() == 3 && text[0] >= '1' && text[0] <= '5' && text.ends_with("xx"));
          }};
}

Allowed<std::string> header_line() {
  return {"\"Name: value\"", [](const std::string& text) {
            const auto colon = text.find(": ");
            return colon != std::string::npos && colon > 0 &&
                   text.find_first_of("\r\n") == std::string::npos && text.find(' ') == colon + 1;
          }};
}

Allowed<std::string> census_path() {
  return {"a path, or empty", [](const std::string& text) {
            const auto is_plain = [](unsigned char c) { return c > 0x20 && c < 0x7f; };
            return text.empty() || (text.front() == '/' && std::all_of(text.begin(), text.end(), is_plain));
          }};
}

void describe_kind(Binder& b, Gate::ShardKind& kind) {
  b.key("region", kind.region, anything<std::string>(), "region of the shard, may be empty");
  b.key("weight", kind.weight, between(std::int64_t{0}, std::int64_t{256}), "share of new rooms; 0: none");
  b.key("release", kind.release, anything<std::string>(),
        "for balance.live_release and [[pins]], may be empty");
  b.key("check", kind.check, "false: counts as up always");
  b.key("tls", kind.tls, "TLS to the shard, checks too");
  b.key("tls_verify", kind.tls_verify, "false: its certificate may be anybody's");
  b.key("tls_ca", kind.tls_ca, anything<std::string>(),
        "PEM file of the authorities that may vouch for it; empty: the system's");
  b.key("tls_sni", kind.tls_sni, anything<std::string>(),
        "the name asked for and verified; empty: the address, by IP and without SNI");
  b.key("max_connections", kind.max_connections, between(std::int64_t{0}, std::int64_t{1'000'000}),
        "requests and tunnels at a time, from this gate; further ones wait; 0: no bound (HAProxy: maxconn)");
  b.key("soft_rooms", kind.soft_rooms, between(std::int64_t{0}, std::int64_t{100'000'000}),
        "with so many rooms it gets new ones only when nobody is below; 0: no bound");
  b.key("max_rooms", kind.max_rooms, between(std::int64_t{0}, std::int64_t{100'000'000}),
        "with so many rooms it gets no new ones; 0: no bound");
  kind.wants_census = b.has("census");
  b.key("census", kind.census, census_path(),
        "where it says which rooms it has; \"/room-census\" of Prosody; empty: nowhere. A gate without peers "
        "asks only where this key stands");
}

void describe_shard(Binder& b, Gate::Shard& shard) {
  b.required("name");
  b.required("address");
  b.key("name", shard.name, shard_name(), "the identity, everywhere; the order of blocks never matters");
  b.key("address", shard.address, address_and_port(), "where the shard answers HTTP");
  b.key("announce", shard.announce, anything<std::string>(),
        "the name the shard itself puts in X-Jitsi-Shard, where it differs from name");
  b.key("agent", shard.agent, address_and_port_or_empty(),
        "where an agent says up, down, ready, drain, maint and N% (HAProxy: agent-check); empty: none");
  b.key("haproxy_id", shard.haproxy_id, between(std::int64_t{0}, std::int64_t{2'147'483'647}),
        "its server id in HAProxy's configuration; 0: never sent to a HAProxy");
  b.key("haproxy_name", shard.haproxy_name, anything<std::string>(), "its server name there; empty: as name");
  describe_kind(b, shard.kind);
}

void describe_discover(Binder& b, Gate::Discover& discover) {
  b.key("srv", discover.srv, anything<std::string>(),
        "SRV records of this name, such as \"_http._tcp.web.example\"");
  b.key("a", discover.a, anything<std::string>(), "or the addresses of \"HOST:PORT\"");
  b.key("name_from", discover.name_from, one_of({"target", "address", "announced"}),
        "a shard's name: the first label of its SRV target, its address, or what its health answer says");
  b.key("name_prefix", discover.name_prefix, anything<std::string>(), "put before it");
  b.key("refresh", discover.refresh, between(Duration(seconds(1)), Duration(hours(1))),
        "ask again at least so often; shorter TTLs, of 1s or more, are followed");
  b.key("srv_weight", discover.srv_weight, "the records' weights instead of weight");
  b.key("agent_port", discover.agent_port, between(std::int64_t{0}, std::int64_t{65535}),
        "port of the shards' agents (see shards.agent); 0: none");
  describe_kind(b, discover.kind);
}

}  // namespace

void describe_shards(Binder& b, Gate& gate) {
  b.blocks("shards", gate.shards, "The shards; one block each.", describe_shard);
  b.blocks("discover", gate.discover, "Shards that DNS knows; they come and go with its answers.",
           describe_discover);

  b.table("dns", "How DNS is asked.");
  b.key("servers", gate.dns.servers, ip_with_optional_port(),
        "name servers, ADDRESS or ADDRESS:PORT; empty: those of /etc/resolv.conf");
  b.key("timeout", gate.dns.timeout, between(Duration(milliseconds(50)), Duration(seconds(30))),
        "of one try at one server");
  b.key("tries", gate.dns.tries, between(std::int64_t{1}, std::int64_t{10}), "at each server");

  b.table("health", "How shards are checked.");
  b.key("enabled", gate.health.enabled, "false: every shard counts as up");
  b.key("path", gate.health.path, anything<std::string>(),
        "GET must give an expected status; empty: a connect is enough");
  b.key("host", gate.health.host, anything<std::string>(), "Host of the checks; empty: the shard's address");
  b.key("expect", gate.health.expect, expected_status(), "statuses that are good");
  b.key("headers", gate.health.headers, header_line(), "further header lines of the checks");
  b.key("interval", gate.health.interval, between(Duration(milliseconds(100)), Duration(minutes(10))),
        "between checks, with jitter");
  b.key("interval_fast", gate.health.interval_fast,
        between(Duration(milliseconds(50)), Duration(minutes(10))), "while the state is changing");
  b.key("timeout", gate.health.timeout, between(Duration(milliseconds(50)), Duration(minutes(1))),
        "of one check (HAProxy: timeout check)");
  b.key("rise", gate.health.rise, between(std::int64_t{1}, std::int64_t{100}),
        "good checks until a shard that was down is up");
  b.key("fall", gate.health.fall, between(std::int64_t{1}, std::int64_t{100}),
        "failed checks in a row until it is down; silence, and a 503 that is not expected, count half");
  b.key("observe", gate.health.observe, "connections of real traffic that fail count as failed checks");
  b.key("agent_interval", gate.health.agent_interval,
        between(Duration(milliseconds(100)), Duration(minutes(10))), "between questions to an agent");
  b.key("panic", gate.health.panic, between(0.0, 1.0),
        "more than this share of the shards, and at least two, down at once: rooms in use wait");
  b.key("panic_hold", gate.health.panic_hold, between(Duration(0), Duration(hours(1))),
        "so long before they move");
}

void check_shards(Binder& b, Gate& gate) {
  if (gate.shards.empty() && gate.discover.empty()) {
    b.reject("shards",
             "at least one [[shards]] block with name and address, or one [[discover]] block, is needed");
  }
  const auto check_tls = [&b](const char* key, const std::string& who, const Gate::ShardKind& kind) {
    if (!kind.tls && (!kind.tls_verify || !kind.tls_ca.empty() || !kind.tls_sni.empty())) {
      b.reject(key, who + ": tls_verify, tls_ca and tls_sni are for shards with tls = true");
    }
  };
  std::set<std::string> names;
  for (const Gate::Shard& shard : gate.shards) {
    if (!shard.name.empty() && !names.insert(shard.name).second) {
      b.reject("shards", "two shards are named \"" + shard.name + "\"; names are unique");
    }
    check_tls("shards", "shard \"" + shard.name + "\"", shard.kind);
  }
  std::set<std::string> questions;
  for (const Gate::Discover& discover : gate.discover) {
    const std::string& question = discover.srv.empty() ? discover.a : discover.srv;
    if (discover.srv.empty() == discover.a.empty()) {
      b.reject("discover", "each block has either srv = \"_http._tcp.NAME\" or a = \"HOST:PORT\"");
      continue;
    }
    if (!questions.insert(question).second) b.reject("discover", "two blocks ask for \"" + question + "\"");
    if (!discover.a.empty()) {
      const auto colon = discover.a.rfind(':');
      const auto digits = colon == std::string::npos ? std::string() : discover.a.substr(colon + 1);
      const bool is_port = !digits.empty() && digits.size() <= 5 &&
                           digits.find_first_not_of("0123456789") == std::string::npos &&
                           std::stoi(digits) >= 1 && std::stoi(digits) <= 65535;
      if (colon == 0 || !is_port) b.reject("discover", "a is \"HOST:PORT\", not \"" + discover.a + "\"");
      if (discover.name_from == "target") {
        b.reject("discover", discover.a + ": name_from is \"address\" or \"announced\" where a is asked for");
      }
    }
    check_tls("discover", question, discover.kind);
  }
  for (const Gate::Pin& pin : gate.pins) {
    if (pin.tenant.empty() && pin.prefix.empty()) b.reject("pins", "each block has tenant, prefix, or both");
  }
  for (const Gate::Ban& ban : gate.bans) {
    const int patterns = !ban.room.empty() + !ban.prefix.empty() + !ban.tenant.empty();
    if (patterns != 1) b.reject("bans", "each block has one of room, prefix and tenant");
  }
  for (const auto& [name, region] : gate.regions) {
    for (const std::string& next : region.fallback) {
      if (next == name) b.reject("regions", name + ": a region cannot be its own fallback");
    }
  }
}

}  // namespace roomgate::conf
