#include "router/route/route.hpp"

#include <functional>

#include "router/room/normalise.hpp"

namespace roomgate::router::route {
namespace {

using balance::Shard;
using balance::ShardSet;
using balance::ShardState;

Decision answer(http::Reason reason) {
  Decision decision;
  decision.answer = reason;
  return decision;
}

// To a shard that an entry or a path names: also when it is down, since connecting is the test that counts.
Decision forward_to(const Shard* shard, Why why) {
  if (shard == nullptr || shard->addresses.empty()) return answer(http::Reason::unknown_shard);
  if (shard->state == ShardState::maint) return answer(http::Reason::shard_maintenance);
  Decision decision;
  decision.shard = shard;
  decision.why = why;
  return decision;
}

http::Reason ban_of(const Request& request) {
  if (request.bans == nullptr || !request.key) return http::Reason::none;
  const Ban* ban = request.bans->find(*request.key);
  if (ban == nullptr) return http::Reason::none;
  return ban->status == 429 ? http::Reason::banned_for_now : http::Reason::banned;
}

// Looked up only where something is placed, not for every request.
std::string_view release_for(const Request& request, const ShardSet& shards, const Settings& settings) {
  if (const auto asked = settings.pins.asked_for(request.query, shards); !asked.empty()) return asked;
  return request.key ? settings.pins.of_room(*request.key) : settings.pins.of_tenant(request.path.tenant);
}

balance::Wish wish_of(std::string_view region, std::string_view release, const Settings& settings) {
  return {.region = region, .release = release, .live_release = settings.pins.live()};
}

// The next of the eligible shards, by weight; one that takes no new rooms answers rather than nobody.
Decision to_any(const Request& request, const ShardSet& shards, const Settings& settings) {
  const auto wish = wish_of(request.region, release_for(request, shards, settings), settings);
  const auto eligible = balance::eligible_shards(shards, wish, settings.regions, nullptr);
  std::uint64_t total = 0;
  for (const balance::Candidate& shard : eligible.shards()) total += shard.weight;
  if (total > 0) {
    std::uint64_t turn = request.turn % total;
    for (const balance::Candidate& shard : eligible.shards()) {
      if (turn < shard.weight) return forward_to(shards.by_id(shard.id), Why::any);
      turn -= shard.weight;
    }
  }
  const auto& all = shards.all();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Shard& shard = all[(request.turn + i) % all.size()];
    if (shard.up && shard.state != ShardState::maint && !shard.addresses.empty()) {
      return forward_to(&shard, Why::any);
    }
  }
  return answer(http::Reason::no_shard);
}

// rooms.force_suffix: ROOM_SHARD, or the shard's name as the first segment. Names are compared as keys are.
const Shard* forced_shard(std::string_view key, const ShardSet& shards) {
  const std::string_view first = key.substr(0, key.find('/'));
  const Shard* found = nullptr;
  std::size_t longest = 0;
  for (const Shard& shard : shards.all()) {
    const std::string name = room::normalised_key(shard.name);
    const bool is_first = first == name && first.size() < key.size();
    const bool is_suffix =
        key.size() > name.size() + 1 && key.ends_with(name) && key[key.size() - name.size() - 1] == '_';
    // "shard-1" and "my_shard-1" may both be suffixes: the longer name is meant.
    if ((is_first || is_suffix) && name.size() > longest) {
      found = &shard;
      longest = name.size();
    }
  }
  return found;
}

// The shard of a new room, chosen once under the table's lock. `wanted`: asked for by name; taken if it takes
// rooms.
struct NewRoom {
  std::string_view key;
  balance::Wish wish;
  const ShardSet& shards;
  balance::Policy& policy;
  const Settings& settings;
  const stick::Table& table;
  TimePoint now;
  const Shard* wanted = nullptr;
  balance::Spill spill{};  // of the last choice

  std::optional<stick::ShardId> operator()() {
    const balance::RoomsOn rooms_on = [&counts = table](stick::ShardId id) { return counts.rooms_on(id); };
    if (wanted != nullptr && balance::takes_new_rooms(*wanted) &&
        balance::below_hard_cap(*wanted, rooms_on)) {
      return wanted->id;
    }
    const auto eligible = balance::eligible_shards(shards, wish, settings.regions, rooms_on);
    spill = eligible.spill();
    return policy.choose({eligible, key, rooms_on, now, settings.slow_start});
  }
};

// What became of the wish, in a decision that has placed a room.
void note_release(Decision& decision, std::string_view wished) {
  decision.release = wished;
  decision.release_unmet = decision.forwards() && !wished.empty() && decision.shard->release != wished;
}

// Kept with the entry, for whoever asks why the room is there.
stick::Choice with_reason(const Request& request, const NewRoom& choose, stick::ShardId shard,
                          stick::RegionNames& regions) {
  const Pins& pins = choose.settings.pins;
  const std::string_view wished = choose.wish.release;
  const Shard* chosen = choose.shards.by_id(shard);
  stick::Placed why = stick::Placed::policy;
  if (choose.wanted != nullptr && choose.wanted->id == shard) {
    why = stick::Placed::forced;
  } else if (!pins.asked_for(request.query, choose.shards).empty() && chosen->release == wished) {
    why = stick::Placed::overridden;
  } else if (wished != pins.live() && chosen->release == wished) {
    why = stick::Placed::pinned;
  } else if (choose.spill.region) {
    why = stick::Placed::fallback;
  }
  return {shard, why, regions.id_of(request.region)};
}

Why why_of(const stick::Entry& entry, bool created, bool forced) {
  if (created) return forced ? Why::forced : Why::fresh;
  return entry.origin == stick::Origin::moved ? Why::moved : Why::stick;
}

Decision to_room(const Request& request, stick::Use use, const Shard* wanted, stick::Table& table,
                 const ShardSet& shards, balance::Policy& policy, const Settings& settings, TimePoint now) {
  std::optional<stick::Entry> entry = table.find(*request.key, now);
  bool created = false;
  bool forced = false;
  balance::Spill spill;
  std::string_view release;  // of a room that is placed now
  if (!entry || (entry->provisional && use == stick::Use::signalling)) {
    const bool may = entry || request.may_create == nullptr || (*request.may_create)();
    if (!may) return answer(http::Reason::new_rooms_limited);
    if (wanted == nullptr && settings.force_suffix) wanted = forced_shard(*request.key, shards);
    release = release_for(request, shards, settings);
    const auto wish = wish_of(request.region, release, settings);
    NewRoom choose{*request.key, wish, shards, policy, settings, table, now, wanted};
    const auto chooser = [&]() -> std::optional<stick::Choice> {
      const auto shard = choose();
      if (!shard) return std::nullopt;
      return with_reason(request, choose, *shard, table.regions());
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
    const auto wish = wish_of(request.region, release, settings);
    NewRoom choose{*request.key, wish, shards, policy, settings, table, now};
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

Decision to_shard_socket(const Request& request, stick::Table& table, const ShardSet& shards,
                         balance::Policy& policy, const Settings& settings, TimePoint now) {
  const Shard* named = shards.by_name(request.path.shard);
  if (named == nullptr) return answer(http::Reason::no_such_shard);
  if (!request.key) return forward_to(named, Why::forced);
  const Decision decision =
      to_room(request, stick::Use::signalling, named, table, shards, policy, settings, now);
  // The page was made for the named shard; on another the client would wait for a meeting that is not there.
  if (decision.forwards() && decision.shard != named) return answer(http::Reason::wrong_shard);
  return decision;
}

Decision to_named_shard(const Request& request, const ShardSet& shards) {
  const Shard* named = shards.by_path_segment(request.path.shard);
  return named == nullptr ? answer(http::Reason::no_such_shard) : forward_to(named, Why::forced);
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
  if (room::is_of_room(request.path.kind)) {
    if (const auto banned = ban_of(request); banned != http::Reason::none) return answer(banned);
  }
  switch (request.path.kind) {
    case room::PathKind::refused: return answer(http::Reason::not_found);
    case room::PathKind::health: {
      Decision decision;
      decision.gate_answers = true;
      return decision;
    }
    case room::PathKind::named_shard: return to_named_shard(request, shards);
    case room::PathKind::shard_socket: return to_shard_socket(request, table, shards, policy, settings, now);
    case room::PathKind::asset: return to_any(request, shards, settings);
    case room::PathKind::signalling:
    case room::PathKind::unlock: {
      if (!request.key) return to_any(request, shards, settings);
      Decision decision =
          to_room(request, stick::Use::signalling, nullptr, table, shards, policy, settings, now);
      decision.unlock_fallback = request.path.kind == room::PathKind::unlock && decision.forwards();
      return decision;
    }
    case room::PathKind::page: {
      if (!request.key) return to_any(request, shards, settings);
      if (!settings.pages_create && !table.peek(*request.key)) return to_any(request, shards, settings);
      return to_room(request, stick::Use::page, nullptr, table, shards, policy, settings, now);
    }
  }
  return answer(http::Reason::not_found);
}

std::optional<Other> choose_other(std::string_view key, std::string_view region, std::string_view release,
                                  std::span<const stick::ShardId> except, const stick::Table& table,
                                  const ShardSet& shards, balance::Policy& policy, const Settings& settings,
                                  TimePoint now) {
  balance::Wish wish = wish_of(region, release, settings);
  wish.except = except;
  NewRoom choose{key, wish, shards, policy, settings, table, now};
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
