// Rooms that somebody else knew: a snapshot, the process before us, HAProxy, a census. Each goes to its owner
// once there is one, some at a time; a claim for one that still waits takes it along. Owned by a Node.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "base/siphash.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::claim {

class Adoptions {
 public:
  static constexpr std::size_t kUnderWay = 1024;

  void add(std::string key, Home home) {
    const auto [at, fresh] = waiting_.try_emplace(std::move(key), home);
    if (!fresh && home.generation > at->second.generation) at->second = std::move(home);
  }
  std::optional<Home> take(const std::string& key) {
    const auto at = waiting_.find(key);
    if (at == waiting_.end()) return std::nullopt;
    auto home = std::move(at->second);
    waiting_.erase(at);
    return home;
  }
  std::optional<std::pair<std::string, Home>> next() {
    if (waiting_.empty() || under_way_ >= kUnderWay) return std::nullopt;
    auto node = waiting_.extract(waiting_.begin());
    ++under_way_;
    return std::pair(std::move(node.key()), std::move(node.mapped()));
  }
  void ended() { --under_way_; }
  bool has_next() const { return !waiting_.empty() && under_way_ < kUnderWay; }
  std::size_t size() const { return waiting_.size(); }

 private:
  std::unordered_map<std::string, Home, SipHasher> waiting_;
  std::size_t under_way_ = 0;
};

}  // namespace roomgate::peers_sync::claim
