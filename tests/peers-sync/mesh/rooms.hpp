// A gate without a router: a table of rooms that is a map, a policy that takes shards in turn.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "peers-sync/mesh/peers_replica.hpp"

namespace roomgate::peers_sync::mesh::tests {

struct Rooms final : Host {
  explicit Rooms(std::vector<std::string> all) : shards(std::move(all)) {}

  Chosen choose(const Placement& placement, TimePoint) override {
    std::string shard(placement.hint);
    if (shard.empty()) shard = shards[turn++ % shards.size()];
    return {.kind = Chosen::Kind::shard, .shard = std::move(shard)};
  }
  std::string said_in_full(std::string_view, std::string_view wish) override { return std::string(wish); }
  bool sees_down(std::string_view) override { return false; }
  std::vector<std::string> shards_down() override { return {}; }
  bool in_panic(TimePoint) override { return false; }
  std::optional<std::size_t> participants(std::string_view, std::string_view) override {
    return std::nullopt;
  }
  void put(std::string_view key, const Home& home) override {
    homes.insert_or_assign(std::string(key), Where{home.shard, home.generation});
  }
  void drop(std::string_view key) override { homes.erase(std::string(key)); }
  bool give_back(std::string_view key, TimePoint) override {
    drop(key);
    return true;
  }
  LocalUse local_use(std::string_view, TimePoint now) override { return {.held = true, .last_used = now}; }
  void moved(std::string_view, std::string_view, const Home&) override {}
  void heard(const Word& word) override { words[word.name] = word.value; }
  void ready_changed(bool) override {}

  struct Where {
    std::string shard;
    std::uint64_t generation = 0;
    friend bool operator==(const Where&, const Where&) = default;
  };
  std::vector<std::string> shards;
  std::size_t turn = 0;
  std::map<std::string, Where> homes;
  std::map<std::string, std::string> words;
};

// A replica that has begun, on a port of its own.
struct Front {
  Front(net::Core& core, PeersOptions wanted, std::vector<std::string> shards)
      : options(std::move(wanted)),
        rooms(std::move(shards)),
        replica(std::make_unique<PeersReplica>(core, options, rooms)) {
    const auto started = replica->start();
    REQUIRE_MESSAGE(started.ok(), (started.ok() ? "" : started.error()));
  }
  Front(net::Core& core, std::string name, std::vector<std::string> shards)
      : Front(core, PeersOptions{.name = std::move(name), .address = kAnyPort}, std::move(shards)) {}

  PeersOptions options;
  Rooms rooms;
  std::unique_ptr<PeersReplica> replica;
};

inline void introduce(const std::vector<Front*>& fronts) {
  for (Front* front : fronts) {
    front->options.members.clear();
    for (const Front* other : fronts) {
      if (other != front)
        front->options.members.push_back({other->options.name, {*other->replica->address()}});
    }
    CHECK(front->replica->set_options(front->options).ok());
  }
}

}  // namespace roomgate::peers_sync::mesh::tests
