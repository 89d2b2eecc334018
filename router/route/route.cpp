#include "router/route/route.hpp"

#include "router/route/placing.hpp"

namespace roomgate::router::route {
namespace {

using balance::Shard;
using balance::ShardSet;
using balance::ShardState;

Why why_of(const stick::Entry& entry, bool created, bool forced) {
  if (created) return forced ? Why::forced : Why::fresh;
  return entry.origin == stick::Origin::moved ? Why::moved : Why::stick;
}

NewRoom new_room(const Request& request, std::string_view release, const stick::Table& table,
                 const ShardSet& shards, balance::Policy& policy, const Settings& settings, TimePoint now) {
  return {.key = *request.key,
          .wish = placement_wish(request.region, release, settings),
          .shards = shards,
          .policy = policy,
          .settings = settings,
          .rooms_on = [&table](stick::ShardId id) { return table.rooms_on(id); },
          .now = now};
}

Decision to_room(const Request& request, stick::Use use, stick::Table& table, const ShardSet& shards,
                 balance::Policy& policy, const Settings& settings, TimePoint now) {
  std::optional<stick::Entry> entry = table.find(*request.key, now);
  bool created = false;
  bool forced = false;
  balance::Spill spill;
  std::string_view release;  // of a room that is placed now
  if (!entry || (entry->provisional && use == stick::Use::signalling)) {
    const bool may = entry || request.may_create == nullptr || (*request.may_create)();
    if (!may) return answer(http::Reason::new_rooms_limited);
    const Shard* wanted = asked_by_name(request, shards, settings);
    release = release_for(request, shards, settings);
    NewRoom choose = new_room(request, release, table, shards, policy, settings, now);
    choose.wanted = wanted;
    const auto chooser = [&]() -> std::optional<stick::Choice> {
      const auto shard = choose();
      if (!shard) return std::nullopt;
      const bool overridden = !settings.pins.asked_for(request.query, shards).empty();
      return stick::Choice(*shard, placed_by(choose, *shard, overridden),
                           table.regions().id_of(request.region));
    };
    const auto found = table.find_or_create(*request.key, use, now, chooser);
    if (!found) {
      switch (found.error()) {
        case stick::CreateError::no_choice: return answer(http::Reason::no_shard);
        case stick::CreateError::full: return answer(http::Reason::table_full);
        case stick::CreateError::provisional_full: return to_any(request, shards, settings);
      }
    }
    entry = found->entry;
    created = found->created;
    forced = wanted != nullptr && wanted->id == entry->shard;
    spill = choose.spill;
  }

  bool placed = created;
  bool moved_now = false;
  const bool was_in_use = !created && table.in_use(*entry, now);
  const Shard* shard = shards.by_id(entry->shard);
  // Nothing may go to a shard in maintenance: a room that nobody is in starts anew elsewhere, others wait.
  if (shard != nullptr && shard->state == ShardState::maint && !was_in_use) {
    release = release_for(request, shards, settings);
    NewRoom choose = new_room(request, release, table, shards, policy, settings, now);
    const auto next = choose();
    const auto moved = next ? table.move(*request.key, entry->shard, *next, stick::Table::MoveIf::unheld)
                            : std::optional<stick::Entry>();
    if (moved) {
      entry = moved;
      moved_now = true;
      shard = shards.by_id(entry->shard);
      spill = choose.spill;
      placed = true;
    }
  }
  Decision decision = forward_to(shard, why_of(*entry, created, forced));
  if (placed && !forced) note_release(decision, release);
  decision.sticky = decision.forwards();
  decision.moved_now = moved_now;
  decision.was_in_use = was_in_use;
  decision.made_at = now;
  decision.spill = spill;
  return decision;
}

}  // namespace

std::string_view to_text(Why why) {
  switch (why) {
    case Why::stick: return "stick";
    case Why::fresh: return "new";
    case Why::moved: return "moved";
    case Why::forced: return "forced";
    case Why::any: return "any";
  }
  return "";
}

bool is_about_a_room(const Request& request) {
  if (!request.key) return false;
  switch (request.path.kind) {
    case room::PathKind::signalling:
    case room::PathKind::unlock:
    case room::PathKind::page:
    case room::PathKind::shard_socket: return true;
    case room::PathKind::asset:
    case room::PathKind::named_shard:
    case room::PathKind::health:
    case room::PathKind::refused: return false;
  }
  return false;
}

Decision route(const Request& request, stick::Table& table, const ShardSet& shards, balance::Policy& policy,
               const Settings& settings, TimePoint now) {
  const auto refusal = refusal_of(request, shards);
  if (refusal != http::Reason::none) return answer(refusal);
  if (!is_about_a_room(request)) return without_room(request, shards, settings);
  const bool page = request.path.kind == room::PathKind::page;
  if (page && !settings.pages_create && !table.peek(*request.key)) return to_any(request, shards, settings);
  const auto use = page ? stick::Use::page : stick::Use::signalling;
  Decision decision = to_room(request, use, table, shards, policy, settings, now);
  finish(request, shards, decision);
  return decision;
}

}  // namespace roomgate::router::route
