// Where a room would like to go, in the words of a claim: the gate that is asked for it says them, the gate
// that decides for its key reads them (docs/agreement.md 3), and what carries them knows nothing of either.
// And that decision. Pure; any thread.
//
//   wish   version(1) flags(1) says(1) region, release, forced (each size(1) text) digest(8) [count(2) hash(4) ...]
//          fields of later versions, passed over
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peers-sync/replica.hpp"
#include "router/route/route.hpp"

namespace roomgate::router::route {

struct Wish {
  static constexpr std::size_t kMostShards = 3000;  // said: a wish has to fit into one packet
  enum class Says : std::uint8_t { digest, shards, too_many };

  std::string region;       // the client's
  std::string release;      // by a pin, or by ?release=
  std::string forced;       // a shard, by its name
  bool overridden = false;  // the release is the query's
  // Shards that may have the room, as the asker sees them: a digest, enough where the decider sees the same;
  // spelled out where it does not, or not at all, and then the decider's own count.
  std::uint64_t digest = 0;
  Says says = Says::digest;
  std::vector<std::uint32_t> shards;  // hashes of their names, ascending

  friend bool operator==(const Wish&, const Wish&) = default;
};

// A name that is too long to be said (255 bytes) is left out.
std::string encode(const Wish& wish);
std::optional<Wish> decode_wish(std::string_view bytes);

// Of a request for a new room.
Wish wish_of(const Request& request, const balance::ShardSet& shards, const Settings& settings);
// Of a room that has to leave; `tried` have failed.
Wish wish_to_leave(std::string_view region, std::string_view release, std::span<const stick::ShardId> tried,
                   const balance::ShardSet& shards);
// The same wish with its shards spelled out; those that were left out of it and have failed since are not
// known any more, but the one it leaves is never chosen.
std::string said_in_full(std::string_view wish, const balance::ShardSet& shards);

// The decision. Shards that both may use, by policy; or while a gate is missing, by rendezvous hash over
// those that are known and not drained, whatever is said of their health and caps, so that two sides of a
// partition choose alike. A wish that cannot be read is none.
peers_sync::Host::Chosen choose_home(const peers_sync::Host::Placement& placement,
                                     const balance::ShardSet& shards, balance::Policy& policy,
                                     const Settings& settings, const balance::RoomsOn& rooms_on,
                                     TimePoint now);

}  // namespace roomgate::router::route
