#include "peers-sync/haproxy/servers.hpp"

namespace roomgate::peers_sync::haproxy {

Servers::Servers(bool by_address, const std::vector<Server>& all) : by_address_(by_address) {
  for (const Server& server : all) {
    const std::string& key =
        by_address_ ? server.address : (server.name.empty() ? server.shard : server.name);
    // What HAProxy knows can be understood also where we would not say it.
    if (!key.empty()) by_key_.try_emplace(key, server.shard);
    if (server.id <= 0) continue;
    by_id_.try_emplace(server.id, server.shard);
    if (!key.empty()) spoken_.try_emplace(server.shard, Spoken{server.id, key});
  }
}

const Servers::Spoken* Servers::spoken(std::string_view shard) const {
  const auto found = spoken_.find(shard);
  return found == spoken_.end() ? nullptr : &found->second;
}

std::string_view Servers::shard_of(std::int64_t id, std::string_view key) const {
  if (!key.empty()) {
    const auto found = by_key_.find(key);
    return found == by_key_.end() ? std::string_view() : std::string_view(found->second);
  }
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace roomgate::peers_sync::haproxy
