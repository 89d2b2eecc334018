// Our shards as servers of HAProxy's backend, and back: by name (or by address, for tables with srvkey addr),
// then by id, as HAProxy itself looks them up. The peers core.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace roomgate::peers_sync::haproxy {

struct Server {
  std::string shard;
  std::int64_t id = 0;  // 0: HAProxy does not have it
  std::string name;     // empty: as the shard
  std::string address;  // ADDRESS:PORT, for srvkey addr
  friend bool operator==(const Server&, const Server&) = default;
};

class Servers {
 public:
  explicit Servers(bool by_address) : by_address_(by_address) {}
  Servers(bool by_address, const std::vector<Server>& all);

  struct Spoken {
    std::int64_t id = 0;
    std::string key;
    friend bool operator==(const Spoken&, const Spoken&) = default;
  };
  // What HAProxy is told of it; null: it has no id there, or no address where that is needed.
  const Spoken* spoken(std::string_view shard) const;
  bool any_spoken() const { return !spoken_.empty(); }
  // Whom HAProxy means; empty: nobody here. By id only where it says no key: with a key that is not known
  // here another server may well have that id.
  std::string_view shard_of(std::int64_t id, std::string_view key) const;

 private:
  bool by_address_;
  std::map<std::string, Spoken, std::less<>> spoken_;  // by shard
  std::map<std::string, std::string, std::less<>> by_key_;
  std::map<std::int64_t, std::string> by_id_;
};

}  // namespace roomgate::peers_sync::haproxy
