// What a gate says of itself ten times a second (docs/agreement.md 1), and its bytes. Values, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "peers-sync/claim/gate_id.hpp"

namespace roomgate::peers_sync::claim {

enum class State : std::uint8_t { learning, joining, member, leaving, left };
std::string_view to_text(State state);

struct Status {
  GateId gate;
  std::uint64_t number = 0;  // of this life's statuses
  State state = State::learning;
  View view;
  bool granting = false;
  std::uint32_t lease_ms = 500;        // the sender's lease that an echo of this status gives it
  std::uint32_t asked_lease_ms = 500;  // what it would take by itself; the largest of all becomes lease_ms
  std::uint32_t table_limit = UINT32_MAX;  // rooms; the smallest of all counts
  std::uint64_t log_end = 0;
  std::uint64_t log_at_view = 0;  // where it was when the view was taken
  bool history = false;
  // One for each gate it knows of.
  struct Of {
    GateId gate;
    std::uint64_t heard = 0;    // number of the newest status of it, by any way
    std::uint32_t held_us = 0;  // heard so long before this was sent, so that round trips are without waiting
    std::uint64_t have = 0;     // of its log
    bool direct = false;        // it is heard directly
    bool complete = false;
    friend bool operator==(const Of&, const Of&) = default;
  };
  std::vector<Of> of;
  std::vector<std::uint32_t> shards_down;  // by short_hash of their names
  friend bool operator==(const Status&, const Status&) = default;

  const Of* of_gate(const GateId& gate) const;
};

inline constexpr std::size_t kMaxGates = 64;  // in one status, the sender among them
inline constexpr std::size_t kMaxGateName = 128;
inline constexpr std::size_t kMaxShardsDown = 1024;

std::uint32_t short_hash(std::string_view shard_name);

// Within the limits above, which Membership keeps; at most 15,000 bytes.
std::string encode(const Status& status);
std::optional<Status> decode_status(ByteView bytes);  // nullopt: malformed

}  // namespace roomgate::peers_sync::claim
