// The importer in parts, each a file that fits on a screen or three. For import.cpp only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "conf/haproxy/account.hpp"
#include "conf/haproxy/config.hpp"
#include "conf/haproxy/draft.hpp"

namespace roomgate::conf::haproxy {

// How a request comes to the shards.
struct Way {
  std::vector<const Section*> fronts;  // where clients come in
  std::vector<const Section*> rooms;   // whose servers are the shards; the first counts where they differ
  const Section* table = nullptr;      // whose stick-table the rooms are in
  std::string table_name;              // its name, or PEERS/NAME of one in a peers section

  bool has(const Section& section) const;
};
Way find_way(const Config& config);

struct Import {
  const Config& config;
  Account& account;
  Draft& draft;
  Way way;
  std::string region;              // of this front door, where the configuration says it
  bool tenants = false;            // the key was TENANT/ROOM
  const Line* table = nullptr;     // the line that makes the rooms' table
  const Section* peers = nullptr;  // to whom the table is told
};

// [[listen]], and what of it depends on [admin]. False: there is nowhere to listen.
bool import_listeners(Import& in);
// use_backend, default_backend, stick-table, stick, balance, X-Proxy-Region: [gate] region, [rooms],
// [balance].
void import_rooms(Import& in);
// server, server-template, resolvers, checks: [[shards]], [[discover]], [regions], [dns], [health]. False:
// there are none.
bool import_shards(Import& in);
// option httpchk, http-check: the keys of [health] that say what is asked. `checked`: whether servers are.
void import_check(Import& in, bool checked);
// Global settings, timeouts: [gate], [limits], [timeouts], and words about what has no keys.
void import_rest(Import& in);
// Import::table and Import::peers; before the others.
void find_table(Import& in);
// The peers sections: [peers]. Behind import_rooms.
void import_peers(Import& in);

// Into the range of a key; `comment` says what HAProxy had, if that was another value.
Duration clamped(Duration value, Duration low, Duration high, std::string& comment);
std::int64_t clamped(std::int64_t value, std::int64_t low, std::int64_t high, std::string& comment);

}  // namespace roomgate::conf::haproxy
