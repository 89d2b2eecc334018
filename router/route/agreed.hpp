// Deciding where front doors agree: the table is managed by a replica (docs/agreement.md), so what is not
// held here is asked for. route() in two halves, and relocation in two, with a question between; whoever has
// both ends of a conversation puts them together (session/decide.hpp). Pure but for the table; any thread.
//
//   look_up() -> a decision, or claim_of() -> the replica's outcome -> decide_from()
//   connect fails: ask_elsewhere() -> outcome -> go_elsewhere() -> connect -> settle -> settled()
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "peers-sync/types.hpp"
#include "router/route/route.hpp"

namespace roomgate::router::route {

// nullopt: ask. Rooms that this gate holds are used as they stand, and everything that is about no room.
std::optional<Decision> look_up(const Request& request, stick::Table& table, const balance::ShardSet& shards,
                                const Settings& settings, TimePoint now);

// The question. Of a request that look_up() had no answer for.
peers_sync::Claim claim_of(const Request& request, const balance::ShardSet& shards, const Settings& settings);

// `was_in_use`: by this gate, before it asked. `now`: when the answer came. A decision that answers because
// its shard is in maintenance names it.
Decision decide_from(const Request& request, const peers_sync::Outcome& outcome, bool was_in_use,
                     const stick::Table& table, const balance::ShardSet& shards, const Settings& settings,
                     TimePoint now);

// Of a tunnel that is open on `shard`, in case its room is released meanwhile.
peers_sync::Claim claim_to_stay(std::string_view key, std::string_view region, const balance::Shard& shard,
                                const balance::ShardSet& shards);

// Somebody else has used the room at this gate, before the request of `decision` or since. While a connect
// was waited for, others may have come in where it failed: theirs is a room in use, and one lost packet must
// not move it.
bool is_in_use(std::string_view key, const Decision& decision, const stick::Table& table);

// The shard of `failed`, a sticky decision, refused a connection, or is in maintenance. `from`: its name, or
// that of the shard which the room is to leave, where `failed` was itself a candidate. `tried`: shards that
// have failed this request.
peers_sync::Elsewhere ask_elsewhere(std::string_view key, std::string_view region, std::string_view from,
                                    const Decision& failed, std::span<const stick::ShardId> tried,
                                    const stick::Table& table, const balance::ShardSet& shards,
                                    const Settings& settings);

// nullopt: the room stays, answer 503. A decision with moves_from: connect, then settle.
std::optional<Decision> go_elsewhere(const peers_sync::Outcome& outcome, const Decision& failed,
                                     stick::ShardId from, const balance::ShardSet& shards);

// The connection of `to` is open, and the replica has been told. Another shard than that of `to`: somebody
// else was faster. nullopt: the room has come into use where it is.
std::optional<Decision> settled(const peers_sync::Outcome& outcome, const Decision& to,
                                const balance::ShardSet& shards);

// --- An entry of the table, and what front doors say of it.

stick::Entry entry_of(const peers_sync::Home& home, stick::ShardId shard, stick::RegionNames& regions);
peers_sync::Home home_of(const stick::Entry& entry, std::string_view shard,
                         const stick::RegionNames& regions);

}  // namespace roomgate::router::route
