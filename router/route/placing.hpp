// What the ways to a decision share (route.cpp, agreed.cpp, relocate.cpp, wish.cpp): forwarding, and placing
// a new room. Of this module alone.
#pragma once

#include <optional>
#include <string_view>

#include "router/route/route.hpp"

namespace roomgate::router::route {

Decision answer(http::Reason reason);

// To a shard that an entry or a path names: also when it is down, since connecting is the test that counts.
Decision forward_to(const balance::Shard* shard, Why why);

// The next of the eligible shards, by weight; one that takes no new rooms answers rather than nobody.
Decision to_any(const Request& request, const balance::ShardSet& shards, const Settings& settings);

// Bans, and paths that name a shard which is not there: whatever the table says.
http::Reason refusal_of(const Request& request, const balance::ShardSet& shards);

// What is not about a room: paths that name their shard, those that any shard can answer, our own.
Decision without_room(const Request& request, const balance::ShardSet& shards, const Settings& settings);

// What the kind of path makes of a decision on its room: the page behind a shard_socket was made for the
// named shard, and on another one the client would wait for a meeting that is not there; an unlock's 404 is
// no 404.
void finish(const Request& request, const balance::ShardSet& shards, Decision& decision);

// The release that the request's room is to go to. Looked up only where something is placed.
std::string_view release_for(const Request& request, const balance::ShardSet& shards,
                             const Settings& settings);

balance::Wish placement_wish(std::string_view region, std::string_view release, const Settings& settings);

// The shard that the request asks for by name: its path's, or (rooms.force_suffix) ROOM_SHARD, or the shard's
// name as the first segment. nullptr: none.
const balance::Shard* asked_by_name(const Request& request, const balance::ShardSet& shards,
                                    const Settings& settings);

// The shard of a new room. `wanted`: asked for by name; taken if it takes rooms.
struct NewRoom {
  std::string_view key;
  balance::Wish wish;
  const balance::ShardSet& shards;
  balance::Policy& policy;
  const Settings& settings;
  balance::RoomsOn rooms_on;
  TimePoint now;
  const balance::Shard* wanted = nullptr;
  balance::Spill spill{};  // of the last choice

  std::optional<stick::ShardId> operator()();
};

// Kept with the entry, for whoever asks why the room is there. `overridden`: its release is asked for by the
// query.
stick::Placed placed_by(const NewRoom& choice, stick::ShardId shard, bool overridden);

// What became of the wish, in a decision that has placed a room.
void note_release(Decision& decision, std::string_view wished);

}  // namespace roomgate::router::route
