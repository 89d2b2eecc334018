#include "router/route/placing.hpp"

#include "router/room/normalise.hpp"

namespace roomgate::router::route {

using balance::Shard;
using balance::ShardSet;
using balance::ShardState;

namespace {

http::Reason ban_of(const Request& request) {
  if (request.bans == nullptr || !request.key) return http::Reason::none;
  const Ban* ban = request.bans->find(*request.key);
  if (ban == nullptr) return http::Reason::none;
  return ban->status == 429 ? http::Reason::banned_for_now : http::Reason::banned;
}

// rooms.force_suffix. Names are compared as keys are.
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

}  // namespace

Decision answer(http::Reason reason) {
  Decision decision;
  decision.answer = reason;
  return decision;
}

Decision forward_to(const Shard* shard, Why why) {
  if (shard == nullptr || shard->addresses.empty()) return answer(http::Reason::unknown_shard);
  if (shard->state == ShardState::maint) return answer(http::Reason::shard_maintenance);
  Decision decision;
  decision.shard = shard;
  decision.why = why;
  return decision;
}

Decision to_any(const Request& request, const ShardSet& shards, const Settings& settings) {
  const auto wish = placement_wish(request.region, release_for(request, shards, settings), settings);
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

http::Reason refusal_of(const Request& request, const ShardSet& shards) {
  if (!room::is_of_room(request.path.kind)) return http::Reason::none;
  if (const auto banned = ban_of(request); banned != http::Reason::none) return banned;
  const bool names_shard = request.path.kind == room::PathKind::shard_socket;
  if (names_shard && shards.by_name(request.path.shard) == nullptr) return http::Reason::no_such_shard;
  return http::Reason::none;
}

Decision without_room(const Request& request, const ShardSet& shards, const Settings& settings) {
  switch (request.path.kind) {
    case room::PathKind::refused: return answer(http::Reason::not_found);
    case room::PathKind::health: {
      Decision decision;
      decision.gate_answers = true;
      return decision;
    }
    case room::PathKind::named_shard: {
      const Shard* named = shards.by_path_segment(request.path.shard);
      return named == nullptr ? answer(http::Reason::no_such_shard) : forward_to(named, Why::forced);
    }
    case room::PathKind::shard_socket: return forward_to(shards.by_name(request.path.shard), Why::forced);
    case room::PathKind::asset:
    case room::PathKind::signalling:
    case room::PathKind::unlock:
    case room::PathKind::page: return to_any(request, shards, settings);
  }
  return answer(http::Reason::not_found);
}

void finish(const Request& request, const ShardSet& shards, Decision& decision) {
  if (!decision.forwards()) return;
  if (request.path.kind == room::PathKind::unlock) decision.unlock_fallback = true;
  if (request.path.kind != room::PathKind::shard_socket) return;
  if (decision.shard != shards.by_name(request.path.shard)) decision = answer(http::Reason::wrong_shard);
}

std::string_view release_for(const Request& request, const ShardSet& shards, const Settings& settings) {
  if (const auto asked = settings.pins.asked_for(request.query, shards); !asked.empty()) return asked;
  return request.key ? settings.pins.of_room(*request.key) : settings.pins.of_tenant(request.path.tenant);
}

balance::Wish placement_wish(std::string_view region, std::string_view release, const Settings& settings) {
  return {.region = region, .release = release, .live_release = settings.pins.live()};
}

const Shard* asked_by_name(const Request& request, const ShardSet& shards, const Settings& settings) {
  if (request.path.kind == room::PathKind::shard_socket) return shards.by_name(request.path.shard);
  return settings.force_suffix ? forced_shard(*request.key, shards) : nullptr;
}

std::optional<stick::ShardId> NewRoom::operator()() {
  if (wanted != nullptr && balance::takes_new_rooms(*wanted) && balance::below_hard_cap(*wanted, rooms_on)) {
    return wanted->id;
  }
  const auto eligible = balance::eligible_shards(shards, wish, settings.regions, rooms_on);
  spill = eligible.spill();
  return policy.choose({eligible, key, rooms_on, now, settings.slow_start});
}

stick::Placed placed_by(const NewRoom& choice, stick::ShardId shard, bool overridden) {
  const std::string_view wished = choice.wish.release;
  const Shard* chosen = choice.shards.by_id(shard);
  if (choice.wanted != nullptr && choice.wanted->id == shard) return stick::Placed::forced;
  if (overridden && chosen->release == wished) return stick::Placed::overridden;
  if (wished != choice.settings.pins.live() && chosen->release == wished) return stick::Placed::pinned;
  if (choice.spill.region) return stick::Placed::fallback;
  return stick::Placed::policy;
}

void note_release(Decision& decision, std::string_view wished) {
  decision.release = wished;
  decision.release_unmet = decision.forwards() && !wished.empty() && decision.shard->release != wished;
}

}  // namespace roomgate::router::route
