// Request -> where it goes. Everything is decided here, before a byte is forwarded; connecting is somebody
// else's. No I/O, no clock; what it changes is the table. Any thread.
//
//   kind          entry              none
//   signalling    its shard          policy's choice, a real entry
//   page          its shard          a provisional entry (pages_create), else any shard
//   shard_socket  404 if another     the named shard if it takes rooms
//   named_shard   the named shard, or 404; no table
//   asset         any shard in turn; no table
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "router/balance/eligible.hpp"
#include "router/balance/policy.hpp"
#include "router/balance/shard_set.hpp"
#include "router/http/error_response.hpp"
#include "router/room/url_map.hpp"
#include "router/route/bans.hpp"
#include "router/route/pins.hpp"
#include "router/stick/table.hpp"

namespace roomgate::router::route {

enum class Why : std::uint8_t { stick, fresh, moved, forced, any };
std::string_view to_text(Why why);  // the value of X-Roomgate-Why; fresh is "new"

struct Settings {
  bool pages_create = true;
  bool force_suffix = false;
  balance::RegionSettings regions;
  Pins pins;
  Duration slow_start{0};             // balance.slow_start
  double panic_share = 0.5;           // health.panic
  Duration panic_hold = seconds(30);  // health.panic_hold
};

struct Request {
  room::PathInfo path;
  std::optional<std::string_view> key;  // room::room_key
  std::string_view region;              // the client's; empty: not known
  std::string_view query;               // may ask for a release (Pins)
  const Bans* bans = nullptr;           // none: nobody is banned
  std::uint64_t turn = 0;  // counts up per core: which shard is next for what any shard can answer
  // Asked before a room gets its first entry; false: 429. None: every room may.
  const std::function<bool()>* may_create = nullptr;
};

struct Decision {
  // Set: answer with this and forward nothing. None: forward to `shard`.
  http::Reason answer = http::Reason::none;
  const balance::Shard* shard = nullptr;  // of the ShardSet given
  Why why = Why::any;
  bool gate_answers = false;     // /about/health: the gate's own 200 or 503
  bool unlock_fallback = false;  // a 404 of the shard becomes the gate's 200
  bool sticky = false;           // the room has an entry: a tunnel of this request holds `key`
  bool moved_now = false;        // by this request
  bool was_in_use = false;       // somebody used the room before this request
  TimePoint made_at{};           // of sticky ones
  balance::Spill spill;          // of those that placed the room: how far from the wish
  // Of rooms placed now: the release they were to go to, and that none of its shards took them. A view into
  // the shards or the settings.
  std::string_view release;
  bool release_unmet = false;
  // relocate()'s: the room is still there, and moves when settle() says so.
  std::optional<stick::ShardId> moves_from;

  bool forwards() const { return answer == http::Reason::none && !gate_answers; }
};

// The table has a say in it, or will have.
bool is_about_a_room(const Request& request);

Decision route(const Request& request, stick::Table& table, const balance::ShardSet& shards,
               balance::Policy& policy, const Settings& settings, TimePoint now);

// A connect to the shard of `failed`, a sticky decision of route() or of this, was refused. Says which shard
// to try instead, where the rules allow it: for a room that nobody used before the failed request, nor since,
// at once; for a room in use only when health checks call its shard down too, and not while so many shards
// seem down that the gate's own network is the likelier cause. `tried`: shards that have failed this request.
// nullopt: stay, answer 503.
std::optional<Decision> relocate(std::string_view key, std::string_view region, const Decision& failed,
                                 std::span<const stick::ShardId> tried, stick::Table& table,
                                 const balance::ShardSet& shards, balance::Policy& policy,
                                 const Settings& settings, TimePoint now);

// The connection to the shard of `to` is open: the room moves there, if relocate() said so. Not before: when
// it is this gate that reaches nobody, every other shard fails too, and no room must have moved then. Another
// shard than that of `to`: somebody else was faster. nullopt: the room has come into use where it is.
std::optional<Decision> settle(std::string_view key, const Decision& to, stick::Table& table,
                               const balance::ShardSet& shards, const Settings& settings, TimePoint now);

// Where a room that has to leave its shard would go, by policy, to none of `except`; nothing is moved.
// nullopt: no other shard may have it.
struct Other {
  stick::ShardId shard = stick::kNoShard;
  balance::Spill spill;
};
std::optional<Other> choose_other(std::string_view key, std::string_view region, std::string_view release,
                                  std::span<const stick::ShardId> except, const stick::Table& table,
                                  const balance::ShardSet& shards, balance::Policy& policy,
                                  const Settings& settings, TimePoint now);

}  // namespace roomgate::router::route
