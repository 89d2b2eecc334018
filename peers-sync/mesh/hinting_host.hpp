// The gate as the node sees it, with what HAProxies beside us say added to each question where a room goes.
// Owned by PeersReplica, the peers core.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "peers-sync/replica.hpp"

namespace roomgate::peers_sync::mesh {

class HintingHost final : public Host {
 public:
  // A shard, or nothing; what it looks into stays as it is for the call.
  using Hint = std::function<std::optional<std::string_view>(std::string_view key, TimePoint now)>;
  HintingHost(Host& host, Hint hint) : host_(host), hint_(std::move(hint)) {}

  Chosen choose(const Placement& placement, TimePoint now) override {
    Placement hinted = placement;
    if (placement.from.empty()) hinted.hint = hint_(placement.key, now).value_or(std::string_view());
    return host_.choose(hinted, now);
  }
  std::string said_in_full(std::string_view key, std::string_view wish) override {
    return host_.said_in_full(key, wish);
  }
  bool sees_down(std::string_view shard) override { return host_.sees_down(shard); }
  std::vector<std::string> shards_down() override { return host_.shards_down(); }
  bool in_panic(TimePoint now) override { return host_.in_panic(now); }
  std::optional<std::size_t> participants(std::string_view key, std::string_view shard) override {
    return host_.participants(key, shard);
  }
  void put(std::string_view key, const Home& home) override { host_.put(key, home); }
  void drop(std::string_view key) override { host_.drop(key); }
  bool give_back(std::string_view key, TimePoint now) override { return host_.give_back(key, now); }
  LocalUse local_use(std::string_view key, TimePoint now) override { return host_.local_use(key, now); }
  std::size_t tunnels(std::string_view key) override { return host_.tunnels(key); }
  void moved(std::string_view key, std::string_view from, const Home& to) override {
    host_.moved(key, from, to);
  }
  void heard(const Word& word) override { host_.heard(word); }
  void ready_changed(bool ready) override { host_.ready_changed(ready); }

 private:
  Host& host_;
  Hint hint_;
};

}  // namespace roomgate::peers_sync::mesh
