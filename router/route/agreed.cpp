#include "router/route/agreed.hpp"

#include "router/http/syntax.hpp"
#include "router/route/placing.hpp"
#include "router/route/wish.hpp"

namespace roomgate::router::route {

using balance::Shard;
using balance::ShardSet;
using peers_sync::Outcome;
using peers_sync::Refusal;
using stick::Placed;

namespace {

// A number that a later version has and this one does not know is as good as any.
Placed placed_of(std::uint8_t number) {
  return number <= static_cast<std::uint8_t>(Placed::drained) ? static_cast<Placed>(number) : Placed::policy;
}

bool was_moved(Placed placed) {
  return placed == Placed::failure || placed == Placed::by_hand || placed == Placed::drained;
}

Decision to_home(const Shard* shard, Why why, bool was_in_use, TimePoint made_at) {
  Decision decision = forward_to(shard, why);
  decision.shard = shard;
  decision.sticky = decision.forwards();
  decision.was_in_use = was_in_use;
  decision.made_at = made_at;
  return decision;
}

http::Reason reason_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::none: return http::Reason::none;
    case Refusal::no_shard: return http::Reason::no_shard;
    case Refusal::table_full: return http::Reason::table_full;
    case Refusal::no_owner:
    case Refusal::page_full:
    case Refusal::stay: break;
  }
  return http::Reason::no_owner;
}

bool is_page(const Request& request) { return request.path.kind == room::PathKind::page; }

}  // namespace

std::optional<Decision> look_up(const Request& request, stick::Table& table, const ShardSet& shards,
                                const Settings& settings, TimePoint now) {
  const auto refusal = refusal_of(request, shards);
  if (refusal != http::Reason::none) return answer(refusal);
  if (!is_about_a_room(request)) return without_room(request, shards, settings);
  const auto entry = table.find_held(*request.key, now);
  if (!entry) {
    const bool none = is_page(request) && !settings.pages_create && !table.peek(*request.key);
    return none ? std::optional(to_any(request, shards, settings)) : std::nullopt;
  }
  if (entry->provisional && !is_page(request)) return std::nullopt;
  const Why why = entry->origin == stick::Origin::moved ? Why::moved : Why::stick;
  Decision decision = to_home(shards.by_id(entry->shard), why, true, now);
  finish(request, shards, decision);
  return decision;
}

peers_sync::Claim claim_of(const Request& request, const ShardSet& shards, const Settings& settings) {
  return {.key = std::string(*request.key),
          .use = is_page(request) ? peers_sync::Use::page : peers_sync::Use::signalling,
          .wish = encode(wish_of(request, shards, settings)),
          .spelling = std::string(http::query_value(request.query, "room").value_or(std::string_view()))};
}

Decision decide_from(const Request& request, const Outcome& outcome, bool was_in_use,
                     const stick::Table& table, const ShardSet& shards, const Settings& settings,
                     TimePoint now) {
  if (outcome.refusal == Refusal::page_full) return to_any(request, shards, settings);
  if (outcome.refusal != Refusal::none) return answer(reason_of(outcome.refusal));
  const Placed placed = placed_of(outcome.home.placed);
  const bool forced = outcome.created && placed == Placed::forced;
  const Shard* shard = shards.by_name(outcome.home.shard);
  Why why = was_moved(placed) ? Why::moved : Why::stick;
  if (outcome.created) why = forced ? Why::forced : Why::fresh;
  // While the answer was on its way to this core, the room may have moved.
  if (const auto entry = table.peek(*request.key);
      entry && entry->generation > outcome.home.generation && shards.by_id(entry->shard) != shard) {
    shard = shards.by_id(entry->shard);
    why = Why::moved;
  }
  Decision decision = to_home(shard, why, was_in_use, now);
  if (outcome.created && !forced) {
    note_release(decision, release_for(request, shards, settings));
    decision.spill.region = placed == Placed::fallback;
  }
  finish(request, shards, decision);
  return decision;
}

peers_sync::Claim claim_to_stay(std::string_view key, std::string_view region, const Shard& shard,
                                const ShardSet& shards) {
  Wish wish = wish_to_leave(region, {}, {}, shards);
  wish.forced = shard.name;
  return {.key = std::string(key), .use = peers_sync::Use::signalling, .wish = encode(wish)};
}

bool is_in_use(std::string_view key, const Decision& decision, const stick::Table& table) {
  if (decision.was_in_use) return true;
  const auto entry = table.peek(key);
  return entry && (entry->holds > 0 || entry->last_used > decision.made_at);
}

peers_sync::Elsewhere ask_elsewhere(std::string_view key, std::string_view region, std::string_view from,
                                    const Decision& failed, std::span<const stick::ShardId> tried,
                                    const stick::Table& table, const ShardSet& shards,
                                    const Settings& settings) {
  // A room that was to be placed now keeps its wish, ?release= included.
  const std::string_view release = failed.release.empty() ? settings.pins.of_room(key) : failed.release;
  return {.key = std::string(key),
          .from = std::string(from),
          .was_in_use = is_in_use(key, failed, table),
          .wish = encode(wish_to_leave(region, release, tried, shards))};
}

std::optional<Decision> go_elsewhere(const Outcome& outcome, const Decision& failed, stick::ShardId from,
                                     const ShardSet& shards) {
  if (outcome.refusal != Refusal::none) return std::nullopt;
  const Shard* shard = shards.by_name(outcome.home.shard);
  // It is where it was: nothing is gained by trying that once more.
  const bool same = shard != nullptr && failed.shard != nullptr && shard->id == failed.shard->id;
  if (same || (shard != nullptr && shard->id == from)) return std::nullopt;
  Decision decision = to_home(shard, Why::moved, failed.was_in_use, failed.made_at);
  decision.unlock_fallback = failed.unlock_fallback && decision.forwards();
  if (!outcome.candidate || !decision.forwards()) return decision;
  decision.moves_from = from;
  decision.spill.region = placed_of(outcome.home.placed) == Placed::fallback;
  note_release(decision, failed.release);
  return decision;
}

std::optional<Decision> settled(const Outcome& outcome, const Decision& to, const ShardSet& shards) {
  if (outcome.refusal == Refusal::stay) return std::nullopt;
  if (outcome.refusal != Refusal::none) return answer(reason_of(outcome.refusal));
  const Shard* shard = shards.by_name(outcome.home.shard);
  if (shard == nullptr || to.shard == nullptr || shard->id != to.shard->id) {
    Decision decision = to_home(shard, Why::moved, to.was_in_use, to.made_at);
    decision.unlock_fallback = to.unlock_fallback && decision.forwards();
    return decision;
  }
  Decision decision = to;
  decision.moves_from.reset();
  decision.moved_now = outcome.moved;
  return decision;
}

stick::Entry entry_of(const peers_sync::Home& home, stick::ShardId shard, stick::RegionNames& regions) {
  stick::Entry entry;
  entry.shard = shard;
  entry.generation = home.generation;
  entry.created = home.created;
  entry.last_used = stick::kNeverUsed;
  entry.provisional = home.provisional;
  entry.placed = placed_of(home.placed);
  entry.origin = was_moved(entry.placed) ? stick::Origin::moved : stick::Origin::peer;
  entry.region = regions.id_of(home.region);
  return entry;
}

peers_sync::Home home_of(const stick::Entry& entry, std::string_view shard,
                         const stick::RegionNames& regions) {
  peers_sync::Home home;
  home.shard = shard;
  home.generation = entry.generation;
  home.created = entry.created;
  home.provisional = entry.provisional;
  home.placed = static_cast<std::uint8_t>(entry.placed);
  if (entry.region != stick::RegionNames::kNone) home.region = regions.name_of(entry.region);
  return home;
}

}  // namespace roomgate::router::route
