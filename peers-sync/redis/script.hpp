// What Redis does in one step for front doors, as one script: the table of rooms, who holds which, who lives,
// and a stream of all changes. Redis 5 and later.
//
//   {roomgate}:rooms         hash    key -> entry (entry.hpp)
//   {roomgate}:holds:KEY     set     of gates
//   {roomgate}:held:GATE     set     of keys; what a gate that died has held is found by it
//   {roomgate}:gates         sorted  gate -> when its lease ends
//   {roomgate}:addresses     hash    name -> "SEEN ADDRESS": where members can ask it (members.hpp)
//   {roomgate}:down:GATE     set     of shards that it sees down
//   {roomgate}:words         hash    name -> "VERSION BY VALUE"
//   {roomgate}:born          hash    run, at: which Redis this is, and since when it has been asked
//   {roomgate}:count         number  of changes: a gap in the stream shows
//   {roomgate}:log           stream  n, k + e (a room), or n, w + v (a word)
//
// A gate is NAME/LIFE. All times are milliseconds of Redis' clock.
#pragma once

#include <string>
#include <string_view>

namespace roomgate::peers_sync::redis {

inline constexpr std::string_view kRoomsKey = "{roomgate}:rooms";
inline constexpr std::string_view kWordsKey = "{roomgate}:words";
inline constexpr std::string_view kLogKey = "{roomgate}:log";
inline constexpr std::string_view kCountKey = "{roomgate}:count";

// Its arguments: what is to be done, the gate, and then
//   hello RUN HOLD            -> [now, wait]        wait: until new rooms may be made again
//   beat LEASE GRACE IDLE ADDRESS SHARD...  -> [now, known, [gate...], [name, address...]]   known: 0 when this
//                                      gate's holds are not there any more; ADDRESS may be empty
//   vouch GATE                -> [1]                for one that is cut off
//   claim KEY USE SHARD PLACED REGION LIFE HOLD     -> [what, entry, wait]  what: have, made, none, wait
//   assert WEAK KEY ENTRY...  -> [entry...]         what there is now, of each
//   adopt IDLE KEY ENTRY...   -> [entry...]
//   unhold IDLE KEY...        -> [count]
//   move KEY FROM TO PLACED MODE USED PANIC GRACE   -> [what, entry]   MODE: ask, settle, order; what: may, moved,
//                                                                     stay, have, none
//   forget KEY                -> [count]
//   say NAME VALUE            -> [version]
//   reap KEY ENTRY            -> [count]            a tombstone whose time is over
//   leave IDLE                -> [left]             some holds of it are still there: once more
std::string_view script();

}  // namespace roomgate::peers_sync::redis
