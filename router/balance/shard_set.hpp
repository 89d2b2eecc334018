// The shards as the router sees them at one moment: an immutable value that the gate publishes anew whenever
// a state, an address or a health verdict changes. Any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "router/stick/types.hpp"

namespace roomgate::router::tls {
class ClientContext;
}

namespace roomgate::router::balance {

using stick::kNoShard;
using stick::ShardId;

enum class ShardState : std::uint8_t { ready, drain, maint };
std::string_view to_text(ShardState state);
std::optional<ShardState> parse_shard_state(std::string_view text);

struct Shard {
  ShardId id = kNoShard;
  std::string name;                    // the identity, everywhere
  std::vector<std::string> addresses;  // "10.0.1.5:8080"; none: known by name only
  std::string region;
  std::string release;  // of the software on it, for pins; empty: none
  std::uint32_t weight = 1;
  std::uint32_t share = 100;     // percent of its weight that it wants now (an agent's word)
  std::uint32_t soft_rooms = 0;  // from so many on it gets rooms only when nobody is below; 0: no bound
  std::uint32_t max_rooms = 0;   // from so many on it gets none; 0: no bound
  TimePoint ramp_begin{};        // when it came up anew, for slow start; long ago: full share
  ShardState state = ShardState::ready;
  bool up = true;
  bool soft_down = false;             // up, but its checks fail (balance::Health::soft)
  bool spared = false;                // ShardSet's: soft down, and others of its place take its new rooms
  TimePoint down_since{};             // of shards that are not up
  std::string announced;              // the name it gives itself in X-Jitsi-Shard; empty: not known
  double load = 0;                    // 0 .. 1, from its health answer
  std::uint32_t max_connections = 0;  // requests and tunnels of this gate; 0: no limit
  std::shared_ptr<const tls::ClientContext> tls;  // null: plain
};

// Names to numbers that stay the same as long as a shard is known. Any thread.
class ShardNames {
 public:
  explicit ShardNames(std::size_t max_names = 4096) : max_names_(max_names) {}
  // kNoShard when there are too many.
  ShardId id_of(std::string_view name);
  std::string name_of(ShardId id) const;
  // Nothing speaks of that shard any more. Its number is given out again only when there is no other left,
  // the longest free first: pods whose names never come back must not use them up.
  void release(std::string_view name);

 private:
  std::size_t max_names_;
  mutable std::mutex mutex_;
  std::map<std::string, ShardId, std::less<>> ids_;
  std::vector<std::string> names_;
  std::deque<ShardId> free_;
};

// May new rooms go there, but for its caps?
inline bool takes_new_rooms(const Shard& shard) {
  return shard.up && !shard.spared && shard.state == ShardState::ready && shard.weight > 0 &&
         shard.share > 0 && !shard.addresses.empty() && shard.id != kNoShard;
}

// A shard that takes new rooms, as placement sees it: all that a choice among hundreds reads, side by side.
struct Candidate {
  ShardId id = kNoShard;
  std::uint32_t weight = 1;  // weight by share, in lowest terms over the whole set
  std::uint64_t hash = 0;    // of its name, for rendezvous
  double load = 0;
  TimePoint ramp_begin{};
  std::uint32_t soft_rooms = 0;
  std::uint32_t max_rooms = 0;
};

// Who takes new rooms of one release in one region; found once for every room, so made once for every set.
struct Pool {
  std::vector<Candidate> shards;  // by name
  std::uint64_t number = 0;       // the same for the same shards, whatever their weights and loads
  std::uint64_t weights = 0;      // the same for the same weights and ramps of the same shards
  bool capped = false;            // some have a bound on rooms
  TimePoint last_ramp{};          // when the newest of them came up; {}: none did
};
std::uint64_t number_of(std::span<const Candidate> shards);
std::uint64_t weights_of(std::span<const Candidate> shards);

class ShardSet {
 public:
  ShardSet() = default;
  // Later shards of a name already there are left out.
  explicit ShardSet(std::vector<Shard> shards);

  const std::vector<Shard>& all() const { return shards_; }
  const Shard* by_id(ShardId id) const;
  const Shard* by_name(std::string_view name) const;
  // A path's "SHARD" or "SHARD.BRIDGE": the longest name that the text is, or goes on from with a dot.
  const Shard* by_path_segment(std::string_view segment) const;
  // Empty release, empty region: any. nullptr: nobody takes new rooms there.
  const Pool* pool(std::string_view release, std::string_view region) const;
  // More than `share` of the shards, and at least two, are down: the gate's own network is the likelier
  // cause. Soft down is not down.
  bool panic(double share) const;

 private:
  struct Place {
    std::string_view release;
    std::string_view region;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  struct OwnedPlace {
    std::string release;
    std::string region;
    operator Place() const { return {release, region}; }
  };
  struct ByPlace {
    using is_transparent = void;
    bool operator()(const Place& a, const Place& b) const { return a < b; }
  };

  void spare_soft();
  void make_pools();

  std::vector<Shard> shards_;               // by name
  std::vector<std::uint32_t> index_by_id_;  // id -> place + 1; 0: none
  std::map<OwnedPlace, Pool, ByPlace> pools_;
};

}  // namespace roomgate::router::balance
