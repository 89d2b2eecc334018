#include <algorithm>
#include <map>
#include <set>

#include "base/address.hpp"
#include "conf/haproxy/parts.hpp"
#include "conf/haproxy/server.hpp"
#include "conf/haproxy/values.hpp"

namespace roomgate::conf::haproxy {
namespace {

struct Server {
  const Line* line = nullptr;
  std::string name;
  std::string question;  // what DNS is asked, where the shard is not one address: SRV name or HOST:PORT
  bool is_srv = false;
  std::string address;
  ServerOptions options;
  std::string release;
  std::int64_t id = 0;  // by which HAProxy's peers know it
};

// A shard's name stands in paths and headers: HAProxy allows a little more.
std::string shard_name(std::string_view text) {
  constexpr std::string_view kSet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  std::string name;
  for (const char c : text.substr(0, 56)) name.push_back(kSet.find(c) == kSet.npos ? '-' : c);
  return name.empty() ? "shard" : name;
}

class Reader {
 public:
  explicit Reader(Import& in) : in_(in) {
    for (const Section& section : in.config.sections()) {
      if (section.kind != Kind::global) continue;
      if (const Line* line = setting(section, {"ca-base"}); line != nullptr && line->words.size() > 1) {
        ca_base_ = line->words[1];
      }
      if (const Line* line = setting(section, {"ssl-server-verify", "none"})) {
        in.account.carried(*line);
        verify_ = false;
      }
    }
  }

  void read(const Section& section) {
    ServerOptions defaults;
    defaults.tls_verify = verify_;
    if (section.base != nullptr) {
      for (const Line* line : settings(*section.base, {"default-server"})) take_defaults(*line, defaults);
    }
    const std::size_t first = servers.size();
    std::vector<Numbered> all;  // also those that no shard was made of: they have numbers too
    for (const Line* line : section.lines) {
      if (line->words[0] == "default-server") take_defaults(*line, defaults);
      if (line->words[0] == "server" && line->words.size() > 2) {
        take(section, *line, 2, 3, defaults);
        all.push_back({line, 1});
      }
      if (line->words[0] == "server-template" && line->words.size() > 3) {
        take(section, *line, 3, 4, defaults);
        all.push_back({line, places_of(line->words[2])});
      }
    }
    number(all, first);
  }

  std::vector<Server> servers;

 private:
  struct Numbered {
    const Line* line = nullptr;
    std::int64_t count = 1;
  };

  // "5", or "1-5".
  static std::int64_t places_of(std::string_view text) {
    const auto dash = text.find('-');
    const std::int64_t last = number_of(text.substr(dash == text.npos ? 0 : dash + 1)).value_or(1);
    const std::int64_t first = dash == text.npos ? 1 : number_of(text.substr(0, dash)).value_or(1);
    return std::clamp<std::int64_t>(last - first + 1, 1, 10'000);
  }

  // HAProxy numbers the servers of a backend by their place, past the numbers that are given by `id`.
  void number(const std::vector<Numbered>& all, std::size_t first) {
    std::map<const Line*, Server*> shards;
    std::set<std::int64_t> taken;
    for (std::size_t i = first; i < servers.size(); ++i) {
      shards[servers[i].line] = &servers[i];
      if (servers[i].options.id > 0) taken.insert(servers[i].options.id);
    }
    std::int64_t next = 1;
    for (const Numbered& each : all) {
      const auto found = shards.find(each.line);
      Server* const shard = found == shards.end() ? nullptr : found->second;
      if (shard != nullptr && shard->options.id > 0) {
        shard->id = shard->options.id;
        ++next;
        continue;
      }
      for (std::int64_t place = 0; place < each.count; ++place, ++next) {
        while (taken.contains(next)) ++next;
        if (shard != nullptr && place == 0) shard->id = next;
      }
    }
  }

  void take_defaults(const Line& line, ServerOptions& defaults) {
    in_.account.carried(line);
    read_server_options(line, 1, ca_base_, in_.account, defaults);
  }

  void take(const Section& section, const Line& line, std::size_t where, std::size_t first,
            const ServerOptions& defaults) {
    const bool is_template = line.words[0] == "server-template";
    const std::string& address = line.words[where];
    Server server{
        .line = &line, .name = shard_name(line.words[1]), .options = defaults, .release = section.name};
    if (!is_template && server.name != line.words[1]) {
      in_.account.left(
          line, Left::lost,
          "A shard's name has 1 to 64 of a-z A-Z 0-9 . _ - only: this one became " + server.name);
    }
    read_server_options(line, first, ca_base_, in_.account, server.options);
    if (address.starts_with("_")) {
      server.is_srv = true;
      server.question = address.substr(0, address.find(':'));
    } else {
      const auto place = place_of(address);
      if (!place || place->host == "0.0.0.0" || place->is_any_v6) {
        in_.account.left(
            line, Left::lost,
            "A shard is an IP address or a name, with a port (no socket files, no port taken from the "
            "client's)");
        return;
      }
      (place->is_name ? server.question : server.address) = place->to_string();
    }
    in_.account.carried(line);
    servers.push_back(std::move(server));
  }

  Import& in_;
  std::string ca_base_;
  bool verify_ = true;
};

// A server of several backends is one shard, of the release where it is no backup.
void merge(Import& in, std::vector<Server>& servers) {
  std::map<std::string, std::size_t> by_place;
  std::vector<Server> merged;
  for (Server& server : servers) {
    const auto [at, is_new] = by_place.emplace(server.question + "|" + server.address, merged.size());
    if (is_new) {
      merged.push_back(std::move(server));
      continue;
    }
    Server& there = merged[at->second];
    if (there.release == server.release) {
      in.account.left(*server.line, Left::lost,
                      "The same place as " + there.name + ", and so the same shard: a place is named once");
      continue;
    }
    if (in.peers != nullptr && there.id != server.id) {
      in.account.left(
          *server.line, Left::lost,
          "HAProxy's peers know this server by another number (id) in another backend: the one in "
          "haproxy_id is told to them");
    }
    if (there.options.backup && !server.options.backup) std::swap(there, server);
    if (server.options.backup) {
      in.account.left(*server.line, Left::needless,
                      "A shard is of the release where it is no backup: rooms of another one come to it when "
                      "none of theirs is left");
    }
  }
  servers = std::move(merged);
}

void make_names_unique(Import& in, std::vector<Server>& servers) {
  std::set<std::string> names;
  std::map<std::string, int> counts;  // of servers with one name
  for (Server& server : servers) {
    if (!server.question.empty()) continue;  // DNS names these
    const std::string wanted = server.name;
    int& count = counts[wanted];
    ++count;
    while (!names.insert(server.name).second)
      server.name = wanted + "-" + std::to_string(std::max(2, count++));
    if (server.name != wanted) {
      in.account.left(
          *server.line, Left::lost,
          "Names of shards are unique, and " + wanted + " was taken: this one became " + server.name);
    }
  }
}

// [regions.NAME], where NAME may need quotes.
std::string region_table(const std::string& name) {
  constexpr std::string_view kBare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  const bool bare = !name.empty() && name.find_first_not_of(kBare) == name.npos;
  return "regions." + (bare ? name : toml(name));
}

struct Regions {
  bool used = false;
  std::string near;
  std::string far;
};

// backup: shards that take rooms only when no other can. That is a region to fall back to.
Regions regions_of(Import& in, const std::vector<Server>& servers) {
  Regions regions;
  const auto backups =
      std::count_if(servers.begin(), servers.end(), [](const Server& s) { return s.options.backup; });
  if (backups == 0 || backups == static_cast<std::ptrdiff_t>(servers.size())) return regions;
  regions.used = true;
  regions.near = in.region.empty() ? "here" : in.region;
  regions.far = regions.near == "elsewhere" ? "beyond" : "elsewhere";
  if (in.region.empty()) {
    in.draft.table("gate").set("region", toml(regions.near),
                               "the backup servers are another region: give both their names");
  }
  auto& table = in.draft.table(region_table(regions.near));
  table.set("fallback", toml(std::vector<std::string>{regions.far}),
            "HAProxy's backup servers; split them into their regions, nearest first");
  return regions;
}

void write_kind(Draft::Table& block, const Server& server, const Regions& regions, bool releases) {
  const ServerOptions& o = server.options;
  if (regions.used) block.set("region", toml(o.backup ? regions.far : regions.near));
  if (o.disabled) {
    block.set("weight", "0", "disabled in HAProxy: it gets no new rooms");
  } else if (o.weight != 1) {
    block.set("weight", std::to_string(std::min<std::int64_t>(o.weight, 256)));
  }
  if (releases) block.set("release", toml(server.release));
  if (!o.check)
    block.set(
        "check", "false",
        o.agent ? "only its agent is asked" : "HAProxy did not check it; without this line [health] does");
  if (o.tls) {
    block.set("tls", "true");
    if (!o.tls_verify) block.set("tls_verify", "false");
    if (!o.tls_ca.empty()) block.set("tls_ca", toml(o.tls_ca));
    if (!o.tls_sni.empty()) block.set("tls_sni", toml(o.tls_sni));
  }
  if (o.max_connections > 0) block.set("max_connections", std::to_string(o.max_connections));
}

void write(Import& in, const Server& server, const Regions& regions, bool releases,
           std::optional<Duration> refresh) {
  const ServerOptions& o = server.options;
  if (server.question.empty()) {
    auto& block = in.draft.block("shards");
    block.set("name", toml(server.name));
    block.set("address", toml(server.address));
    if (o.agent && o.agent_port != 0) {
      auto agent = Address::parse(server.address);
      if (!o.agent_address.empty()) agent = Address::from_ip(o.agent_address, o.agent_port);
      if (agent) {
        block.set("agent", toml(agent->with_port(o.agent_port).to_string()));
      } else {
        in.account.left(*server.line, Left::lost, "An agent is asked at an IP address, not at a name");
      }
    }
    if (in.peers != nullptr) {
      block.set("haproxy_id", std::to_string(server.id),
                "by which HAProxy's peers know it: the id of its line, else its place in the backend");
      const std::string& there = server.line->words[1];
      if (there != server.name) block.set("haproxy_name", toml(there));
    } else if (server.options.id > 0) {
      in.account.left(*server.line, Left::needless,
                      "A shard's number (id) matters between HAProxy's peers only, and this table has none");
    }
    write_kind(block, server, regions, releases);
    return;
  }
  auto& block = in.draft.block("discover");
  const bool is_template = server.line->words[0] == "server-template";
  if (is_template) {
    block.say("As many as DNS knows: server-template had " + server.line->words[2] + " places for them.");
  }
  if (in.peers != nullptr) {
    block.say(
        "HAProxy's peers know a server by its number and its name: they are not told of rooms of these "
        "shards. Gates tell each other of them all the same.");
  }
  if (server.is_srv) {
    block.set("srv", toml(server.question));
    block.set("name_from", toml("target"),
              is_template
                  ? "HAProxy's " + server.name + "N were places in a list; these names are the shards' own"
                  : "");
  } else {
    block.set("a", toml(server.question));
    block.set("name_from", toml("address"),
              "\"announced\" where the shards' health answers name them: a new address is then no new shard");
    if (!is_template) block.set("name_prefix", toml(server.name.substr(0, 24) + "-"));
  }
  if (refresh) {
    std::string comment;
    block.set("refresh", toml(clamped(*refresh, std::chrono::seconds(1), std::chrono::hours(1), comment)),
              comment);
  }
  if (o.agent && o.agent_port != 0) block.set("agent_port", std::to_string(o.agent_port));
  write_kind(block, server, regions, releases);
}

// The `resolvers` section that the servers name; the interval between two questions, if it says one.
std::optional<Duration> import_resolvers(Import& in, const std::string& name) {
  const Section* section = in.config.find({Kind::resolvers}, name);
  if (section == nullptr) return std::nullopt;
  in.account.carried(*section->head);
  std::vector<std::string> servers;
  std::optional<Duration> refresh;
  auto& dns = in.draft.table("dns");
  for (const Line* line : section->lines) {
    const auto& words = line->words;
    if (words[0] == "parse-resolv-conf") in.account.carried(*line);
    if (words[0] == "nameserver" && words.size() > 2) {
      std::string_view where = words[2];
      if (where.starts_with("udp@")) where.remove_prefix(4);
      const auto place = place_of(where);
      if (!place || place->is_name) continue;
      in.account.carried(*line);
      if (std::find(servers.begin(), servers.end(), place->to_string()) == servers.end()) {
        servers.push_back(place->to_string());
      }
    }
  }
  if (!servers.empty()) dns.set("servers", toml(servers));
  for (const Line* line : section->lines) {
    const auto& words = line->words;
    if (words.size() < 2) continue;
    std::string comment;
    if (words[0] == "resolve_retries" && number_of(words[1])) {
      in.account.carried(*line);
      const auto tries = clamped(*number_of(words[1]), 1, 10, comment);
      dns.set("tries", std::to_string(tries), comment);
    }
    if (words[0] != "timeout" || words.size() < 3 || !time_of(words[2])) continue;
    if (words[1] == "retry") {
      in.account.carried(*line);
      const auto timeout =
          clamped(*time_of(words[2]), std::chrono::milliseconds(50), std::chrono::seconds(30), comment);
      dns.set("timeout", toml(timeout), comment);
    } else if (words[1] == "resolve") {
      in.account.carried(*line);
      refresh = time_of(words[2]);
    }
  }
  return refresh;
}

// Settings that HAProxy has for each server and the gate once.
template <class T>
std::optional<T> first_of(Import& in, const std::vector<Server>& servers,
                          std::optional<T> ServerOptions::*member, const std::string& key) {
  std::optional<T> found;
  for (const Server& server : servers) {
    const auto& value = server.options.*member;
    if (!value) continue;
    if (!found) found = value;
    if (*found != *value) {
      in.account.left(*server.line, Left::lost, key + " is one for all shards: the first server's counts");
    }
  }
  return found;
}

void import_shared(Import& in, const std::vector<Server>& servers) {
  using std::chrono::hours;
  using std::chrono::milliseconds;
  using std::chrono::minutes;
  auto& health = in.draft.table("health");
  const auto duration = [&in](const char* table, const char* key, std::optional<Duration> value, Duration low,
                              Duration high) {
    if (!value) return;
    std::string comment;
    const Duration within = clamped(*value, low, high, comment);
    in.draft.table(table).set(key, toml(within), comment);
  };
  const auto number = [&in](const char* table, const char* key, std::optional<std::int64_t> value,
                            std::int64_t low, std::int64_t high) {
    if (!value) return;
    std::string comment;
    const std::int64_t within = clamped(*value, low, high, comment);
    in.draft.table(table).set(key, std::to_string(within), comment);
  };
  const auto inter = first_of(in, servers, &ServerOptions::inter, "health.interval");
  const auto fastinter = first_of(in, servers, &ServerOptions::fastinter, "health.interval_fast");
  duration("health", "interval", inter, milliseconds(100), minutes(10));
  duration("health", "interval_fast", fastinter, milliseconds(50), minutes(10));
  if (inter && !fastinter && *inter < milliseconds(500)) {
    health.set("interval_fast", toml(std::max<Duration>(*inter, milliseconds(50))));
  }
  number("health", "rise", first_of(in, servers, &ServerOptions::rise, "health.rise"), 1, 100);
  number("health", "fall", first_of(in, servers, &ServerOptions::fall, "health.fall"), 1, 100);
  duration("health", "agent_interval",
           first_of(in, servers, &ServerOptions::agent_inter, "health.agent_interval"), milliseconds(100),
           minutes(10));
  duration("balance", "slow_start", first_of(in, servers, &ServerOptions::slowstart, "balance.slow_start"),
           Duration(0), hours(1));
  number("limits", "queue_per_shard",
         first_of(in, servers, &ServerOptions::maxqueue, "limits.queue_per_shard"), 0, 1'000'000);
  number("limits", "pool_per_shard",
         first_of(in, servers, &ServerOptions::pool_max_conn, "limits.pool_per_shard"), 0, 10'000);
  duration("timeouts", "pool", first_of(in, servers, &ServerOptions::pool_purge_delay, "timeouts.pool"),
           milliseconds(100), hours(24));
}

}  // namespace

bool import_shards(Import& in) {
  Reader reader(in);
  for (const Section* section : in.way.rooms) reader.read(*section);
  auto& servers = reader.servers;
  merge(in, servers);
  make_names_unique(in, servers);
  if (servers.empty()) return false;

  std::set<std::string> releases;
  std::map<std::string, std::optional<Duration>> resolvers;
  for (const Server& server : servers) {
    releases.insert(server.release);
    const std::string& name = server.options.resolvers;
    if (!name.empty() && !resolvers.contains(name)) resolvers[name] = import_resolvers(in, name);
  }
  const Regions regions = regions_of(in, servers);
  for (const Server& server : servers) {
    const auto found = resolvers.find(server.options.resolvers);
    write(in, server, regions, in.way.rooms.size() > 1,
          found == resolvers.end() ? std::nullopt : found->second);
  }
  import_check(in,
               std::any_of(servers.begin(), servers.end(), [](const Server& s) { return s.options.check; }));
  import_shared(in, servers);
  return true;
}

}  // namespace roomgate::conf::haproxy
