// What all shards have said of their rooms, at one moment: an immutable value, any thread. Rooms in which
// nobody is count for nothing here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/siphash.hpp"
#include "router/census/parse.hpp"

namespace roomgate::router::census {

// One shard's answer.
class ShardRooms {
 public:
  // `wall`: when it was read, as milliseconds since 1970: what the shard says of times is by that clock.
  ShardRooms(const std::vector<Room>& rooms, const room::KeySettings& settings, TimePoint now,
             std::int64_t wall);

  struct Count {
    std::uint64_t participants = 0;
    TimePoint created{};  // by this process's clock; when it was read, where the shard does not say
  };
  using Rooms = std::unordered_map<std::string, Count, SipHasher, std::equal_to<>>;
  const Rooms& rooms() const { return rooms_; }

 private:
  Rooms rooms_;
};

class Snapshot {
 public:
  using Shards = std::map<std::string, std::shared_ptr<const ShardRooms>, std::less<>>;

  Snapshot() = default;
  explicit Snapshot(Shards shards) : shards_(std::move(shards)) {}

  const Shards& shards() const { return shards_; }
  // 0: the shard was asked, and nobody is in such a room; nullopt: it has not said.
  std::optional<std::size_t> participants(std::string_view key, std::string_view shard) const;

  struct Place {
    std::string shard;
    std::uint64_t participants = 0;
    friend bool operator==(const Place&, const Place&) = default;
  };
  struct Split {
    std::string key;
    std::vector<Place> places;  // most people first, then by name
    friend bool operator==(const Split&, const Split&) = default;
  };
  // Rooms that two shards have, by key.
  std::vector<Split> splits() const;

  // Rooms that `known` does not know, by key.
  struct Unknown {
    std::string key;
    std::string shard;
  };
  std::vector<Unknown> unknown(const std::function<bool(std::string_view key)>& known) const;

  // Each room once, on the shard where most of its people are: what a gate begins with that knows of none.
  struct Seed {
    std::string key;
    std::string shard;
    std::uint64_t participants = 0;
    TimePoint created{};
  };
  std::vector<Seed> seeds() const;

 private:
  Shards shards_;
};

}  // namespace roomgate::router::census
