// What a shard says when it is asked how it is. Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/balance/health_state.hpp"

namespace roomgate::router::health {

// Statuses that are good.
struct StatusRange {
  int first = 200;
  int last = 200;
  bool contains(int status) const { return status >= first && status <= last; }
  friend bool operator==(const StatusRange&, const StatusRange&) = default;
};
// "200", "200-299", "2xx"; nullopt for anything else.
std::optional<StatusRange> parse_status_range(std::string_view text);

struct Answer {
  bool ok = false;
  bool soft = false;                     // of a failure: it may pass (balance::Outcome::soft)
  std::string reason;                    // of a failure, for people
  std::optional<std::string> announced;  // its name
  std::optional<double> load;            // 0 .. 1
  std::optional<std::uint64_t> rooms;
  std::optional<std::uint64_t> participants;
  bool refuses_new_rooms = false;  // it drains itself, or is full

  balance::Outcome outcome() const {
    if (ok) return balance::Outcome::good;
    return soft ? balance::Outcome::soft : balance::Outcome::failed;
  }
  friend bool operator==(const Answer&, const Answer&) = default;
};

// The body may be roomshard's JSON, and need not be. A 503 that is not expected is soft: that is what jicofo
// says while it has lost its XMPP server, and 500 when it cannot work at all.
Answer read_answer(int status, std::string_view body, const std::vector<StatusRange>& expected);

}  // namespace roomgate::router::health
