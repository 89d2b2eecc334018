// A room that has to leave its shard: where it would go, and when it may.
#include "router/route/placing.hpp"

namespace roomgate::router::route {

using balance::Shard;
using balance::ShardSet;

std::optional<Other> choose_other(std::string_view key, std::string_view region, std::string_view release,
                                  std::span<const stick::ShardId> except, const stick::Table& table,
                                  const ShardSet& shards, balance::Policy& policy, const Settings& settings,
                                  TimePoint now) {
  balance::Wish wish = placement_wish(region, release, settings);
  wish.except = except;
  const balance::RoomsOn rooms_on = [&table](stick::ShardId id) { return table.rooms_on(id); };
  NewRoom choose{key, wish, shards, policy, settings, rooms_on, now};
  const auto shard = choose();
  if (!shard) return std::nullopt;
  return Other{*shard, choose.spill};
}

namespace {

// Where somebody else has moved the room meanwhile.
Decision follow(const stick::Entry& entry, const Decision& from, const ShardSet& shards) {
  Decision decision = forward_to(shards.by_id(entry.shard), Why::moved);
  decision.sticky = decision.forwards();
  decision.was_in_use = from.was_in_use;
  decision.made_at = from.made_at;
  return decision;
}

enum class MayMove { unless_used, yes };

// agreement.md 13. That a connect failed is given.
MayMove may_move(const Shard* shard, const ShardSet& shards, const Settings& settings, TimePoint now) {
  if (shard == nullptr || shard->up) return MayMove::unless_used;
  const bool waits = shards.panic(settings.panic_share) && now - shard->down_since < settings.panic_hold;
  // Tunnels of a shard that is down may still linger here; they keep nobody.
  return waits ? MayMove::unless_used : MayMove::yes;
}

// While a connect was waited for, others may have come in where it failed: theirs is a room in use, and one
// lost packet must not move it.
bool is_used(const stick::Entry& entry, const Decision& decision) {
  return decision.was_in_use || entry.last_used > decision.made_at;
}

}  // namespace

std::optional<Decision> relocate(std::string_view key, std::string_view region, const Decision& failed,
                                 std::span<const stick::ShardId> tried, stick::Table& table,
                                 const ShardSet& shards, balance::Policy& policy, const Settings& settings,
                                 TimePoint now) {
  if (!failed.sticky || failed.shard == nullptr) return std::nullopt;
  const std::optional<stick::Entry> entry = table.peek(key);
  if (!entry) return std::nullopt;
  const stick::ShardId from = failed.moves_from.value_or(failed.shard->id);
  if (entry->shard != from) return follow(*entry, failed, shards);  // somebody else was faster
  const MayMove may = may_move(shards.by_id(from), shards, settings, now);
  if (may != MayMove::yes && is_used(*entry, failed)) return std::nullopt;

  // A room that was to be placed now keeps its wish, ?release= included.
  const std::string_view release = failed.release.empty() ? settings.pins.of_room(key) : failed.release;
  const auto next = choose_other(key, region, release, tried, table, shards, policy, settings, now);
  if (!next) return std::nullopt;
  Decision decision = forward_to(shards.by_id(next->shard), Why::moved);
  decision.sticky = decision.forwards();
  decision.was_in_use = failed.was_in_use;
  decision.made_at = failed.made_at;
  decision.moves_from = from;
  decision.spill = next->spill;
  note_release(decision, release);
  return decision;
}

std::optional<Decision> settle(std::string_view key, const Decision& to, stick::Table& table,
                               const ShardSet& shards, const Settings& settings, TimePoint now) {
  if (!to.moves_from) return to;
  const std::optional<stick::Entry> entry = table.peek(key);
  if (!entry) return std::nullopt;
  if (entry->shard != *to.moves_from) return follow(*entry, to, shards);
  const MayMove may = may_move(shards.by_id(*to.moves_from), shards, settings, now);
  if (may != MayMove::yes && is_used(*entry, to)) return std::nullopt;
  const auto condition = may == MayMove::yes ? stick::Table::MoveIf::always : stick::Table::MoveIf::unheld;
  if (!table.move(key, *to.moves_from, to.shard->id, condition)) return std::nullopt;
  Decision moved = to;
  moved.moves_from.reset();
  moved.moved_now = true;
  return moved;
}

}  // namespace roomgate::router::route
