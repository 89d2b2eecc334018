// What an operator says at one front door and all have to hear (docs/agreement.md 6), as words that a replica
// carries: how they are written, and read again. Pure; any thread.
//
//   shard-state/NAME       "ready", "drain", "drain 1764195000" (what is left then is moved), "maint"
//   ban/KIND/PATTERN       "403", "429"; empty: lifted
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "router/balance/shard_set.hpp"
#include "router/route/bans.hpp"

namespace roomgate::router::gate {

using WallTime = std::chrono::system_clock::time_point;

struct StateSaid {
  balance::ShardState state = balance::ShardState::ready;
  // Of a drain. A date, since the word is learned again and again: all clocks need not agree, each front door
  // moves only the rooms that it owns.
  std::optional<WallTime> deadline;
  friend bool operator==(const StateSaid&, const StateSaid&) = default;
};
std::string state_word(std::string_view shard);  // its name
std::string state_value(const StateSaid& said);
std::optional<StateSaid> read_state(std::string_view value);

std::string ban_word(const route::Ban& ban);
std::string ban_value(const route::Ban& ban);

// Whom a word is about; nullopt: about something else, or nonsense.
std::optional<std::string_view> shard_of_state_word(std::string_view name);
struct BanSaid {
  route::Ban ban;  // its pattern, and what it says
  bool lifted = false;
};
std::optional<BanSaid> read_ban(std::string_view name, std::string_view value);

std::string_view to_text(route::Ban::Kind kind);

}  // namespace roomgate::router::gate
