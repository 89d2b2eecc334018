// Rendezvous hashing: every process that knows the same shards ranks them alike for a key, and a shard that
// comes or goes changes only what it wins. Fixed for all time, since front doors compare outcomes. Pure
// functions, any thread.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

namespace roomgate::router::balance {

// SipHash-2-4 under constant keys, one for shards and one for rooms. A shard's is made once and kept.
std::uint64_t shard_hash(std::string_view name);
std::uint64_t room_hash(std::string_view key);

// Spreads every bit over all others (the finaliser of SplitMix64).
inline std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// The shard with the highest has the room.
inline std::uint64_t rendezvous(std::uint64_t shard, std::uint64_t room) { return mix(shard ^ room); }

// The same as a number above 0 and below 1.
inline double as_fraction(std::uint64_t hash) {
  return (static_cast<double>(hash >> 12) + 0.5) / 4503599627370496.0;
}

// Of shards that weigh differently, the one with the lowest has the room.
inline double cost(std::uint64_t hash, double weight) { return -std::log(as_fraction(hash)) / weight; }

}  // namespace roomgate::router::balance
