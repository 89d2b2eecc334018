// What front doors say to each other about rooms, as values. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::peers_sync {

// Where a room is.
struct Home {
  std::string shard;
  std::uint64_t generation = 1;  // higher wins, always; 0: HAProxy's word
  TimePoint created{};           // by this process's clock; as an age on the wire
  bool provisional = false;      // made by a page, not yet by signalling
  std::uint8_t placed = 0;       // why there: the router's word, carried along
  std::string region;            // it was wanted in; the router's word too
  friend bool operator==(const Home&, const Home&) = default;
};

enum class Use : std::uint8_t {
  page,        // makes a provisional entry
  signalling,  // makes a real one, or a provisional one real
};

// A request that needs to know its room's home.
struct Claim {
  std::string key;
  Use use = Use::signalling;
  std::string wish;  // where it would like to go, in the router's words (Host::choose reads them)
  std::string
      spelling;  // the room as the client wrote it, which is how a HAProxy knows it; empty: as its key
};

// Its shard refused a connection: may the room go elsewhere?
struct Elsewhere {
  std::string key;
  std::string from;         // the shard that refused
  bool was_in_use = false;  // somebody used the room at this gate before the request that failed
  std::string wish;
};

// A connection to the candidate is open: the room moves there.
struct Settle {
  std::string key;
  std::string from;
  std::string to;
  bool was_in_use = false;
  std::uint8_t placed = 0;
};

enum class Refusal : std::uint8_t {
  none,
  no_owner,    // nobody could decide in time: 503, Retry-After
  no_shard,    // the policy had none
  table_full,  // nothing idle to let go
  page_full,   // of provisional entries only: send the page anywhere
  stay,        // of Elsewhere and Settle: the room does not move
};

struct Outcome {
  Refusal refusal = Refusal::none;
  Home home;             // where it is; of a candidate: where it may go, generation as it is now
  bool created = false;  // by this claim
  bool candidate = false;
  bool moved = false;  // by this Settle
};

// Said by an operator, or what a gate knows of a shard; the same at all gates in the end.
struct Word {
  std::string name;   // "shard-state/NAME", "shard/NAME", "ban/KIND/TEXT": the router's
  std::string value;  // empty: taken back
  std::uint64_t version = 0;
  std::string by;  // the gate where it was said
  friend bool operator==(const Word&, const Word&) = default;
};

// One peer, for people and metrics.
struct PeerRow {
  std::string name;
  std::string address;
  std::string kind;   // "gate", "haproxy", "unknown" (never spoken to), "redis"
  std::string state;  // of gates: learning, joining, member, leaving, gone; of others: up, down, learning
  bool up = false;    // a session is open
  bool in_view = false;
  std::string via;  // of gates that are heard through another one
  double round_trip_ms = 0;
  std::uint64_t updates_in = 0;
  std::uint64_t updates_out = 0;
  std::uint64_t behind = 0;        // items of our log that it has not acknowledged
  std::uint64_t asks_dropped = 0;  // of its questions, beyond its budget
  std::uint64_t reconnects = 0;
  double up_seconds = 0;
  std::string error;  // the last one, for people
};

}  // namespace roomgate::peers_sync
