// Where HAProxies have rooms, as far as that says nothing for certain: the key was cut or may be another
// tenant's, or nobody here uses the room any more. Whoever places such a room does well to follow. Bounded,
// the oldest go first. The peers core.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/siphash.hpp"

namespace roomgate::peers_sync::haproxy {

class Hints {
 public:
  void put(std::string_view key, std::string_view shard, TimePoint until);
  std::optional<std::string_view> find(std::string_view key, TimePoint now) const;  // a shard
  std::size_t size() const { return hints_.size(); }

 private:
  static constexpr std::size_t kMax = 100'000;
  struct Hint {
    std::string shard;
    TimePoint until{};
  };
  std::unordered_map<std::string, Hint, SipHasher, std::equal_to<>> hints_;
  std::deque<std::string> in_turn_;
};

}  // namespace roomgate::peers_sync::haproxy
