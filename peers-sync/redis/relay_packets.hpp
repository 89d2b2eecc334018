// What gates of Redis mode say to each other, as values and as bytes, on the sessions of the mesh; its hello
// has the version. Malformed or over a bound: nullopt. Numbers apart from those of a mesh that decides itself
// (claim/packets.hpp), so that two gates of different modes notice. Pure, any thread.
//
//   160 state     to all, with each beat: "I have Redis", or "I am cut off"
//   161 ask       of one that is cut off: "claim this for me"
//   162 answer
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::peers_sync::redis {

enum RelayPacket : std::uint8_t { kState = 160, kAsk = 161, kAnswer = 162 };
inline constexpr std::uint8_t kFirstRelayPacket = kState;

struct State {
  bool has_redis = false;
  std::int64_t now = 0;  // milliseconds, by Redis' clock as far as it is known
  friend bool operator==(const State&, const State&) = default;
};
std::string encode(const State& state);
std::optional<State> read_state(ByteView bytes);

// A room and where the asker would have it, as Redis' script is asked (script.hpp).
struct Proposal {
  std::string key;
  Use use = Use::signalling;
  std::string shard;  // empty: the asker has none; then only what is there counts
  std::uint8_t placed = 0;
  std::string region;
  friend bool operator==(const Proposal&, const Proposal&) = default;
};
struct RelayAsk {
  std::uint64_t id = 0;  // of the asker
  Proposal proposal;
  friend bool operator==(const RelayAsk&, const RelayAsk&) = default;
};
std::string encode(const RelayAsk& ask);
std::optional<RelayAsk> read_relay_ask(ByteView bytes);

// What Redis made of a claim.
struct Claimed {
  enum class What : std::uint8_t {
    have,
    made,
    none,  // no such room, and none was proposed
    wait,  // for a failover's hold to be over
    cut,   // nobody asked it: the member has no Redis either
  };
  What what = What::cut;
  std::string entry;  // have, made: as Redis keeps it (entry.hpp)
  Duration wait{0};
  friend bool operator==(const Claimed&, const Claimed&) = default;
};
struct RelayAnswer {
  std::uint64_t id = 0;
  Claimed claimed;
  friend bool operator==(const RelayAnswer&, const RelayAnswer&) = default;
};
std::string encode(const RelayAnswer& answer);
std::optional<RelayAnswer> read_relay_answer(ByteView bytes);

}  // namespace roomgate::peers_sync::redis
