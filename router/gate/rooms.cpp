// The room table as an operator sees it, and how rooms leave a shard: one by hand, and those that a drain's
// deadline finds still there. Control core.

#include <array>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/room/normalise.hpp"

namespace roomgate::router::gate {
namespace {

std::string_view origin_text(stick::Origin origin) {
  switch (origin) {
    case stick::Origin::request: return "request";
    case stick::Origin::moved: return "moved";
    case stick::Origin::peer: return "peer";
    case stick::Origin::seeded: return "seeded";
  }
  return "request";
}

// How its shard was chosen, where this gate chose it.
std::string_view why_text(const stick::Entry& entry, std::string_view policy) {
  if (entry.origin == stick::Origin::peer || entry.origin == stick::Origin::seeded) {
    return origin_text(entry.origin);
  }
  switch (entry.placed) {
    case stick::Placed::policy: return policy;
    case stick::Placed::fallback: return "fallback";
    case stick::Placed::forced: return "forced";
    case stick::Placed::pinned: return "pinned";
    case stick::Placed::overridden: return "override";
    case stick::Placed::failure: return "moved by failure";
    case stick::Placed::by_hand: return "moved by operator";
    case stick::Placed::drained: return "moved by drain";
  }
  return policy;
}

}  // namespace

admin::RoomRow Gate::row_of(const std::string& key, const stick::Entry& entry) const {
  admin::RoomRow row;
  row.room = key;
  row.shard = names_.name_of(entry.shard);
  row.since = std::chrono::system_clock::now() -
              std::chrono::duration_cast<std::chrono::system_clock::duration>(Clock::now() - entry.created);
  row.tunnels = entry.holds;
  row.origin = origin_text(entry.origin);
  row.why = why_text(entry, options_.policy);
  row.region = table_.regions().name_of(entry.region);
  row.generation = entry.generation;
  row.provisional = entry.provisional;
  return row;
}

std::vector<admin::RoomRow> Gate::rooms(const admin::RoomQuery& query) {
  using Order = stick::Table::Order;
  std::vector<admin::RoomRow> rows;
  stick::ShardId shard = stick::kNoShard;
  if (!query.shard.empty()) {
    const balance::Shard* known = shards_->by_name(query.shard);
    if (known == nullptr) return rows;
    shard = known->id;
  }
  const Order order = query.order == admin::RoomQuery::Order::name ? Order::key : Order::most_holds;
  for (const auto& named : table_.list(room::normalised_key(query.prefix), query.limit, shard, order)) {
    rows.push_back(row_of(named.key, named.entry));
  }
  return rows;
}

net::Task<std::optional<admin::RoomRow>> Gate::room(std::string_view key, admin::Scope scope) {
  const std::string normal = room::normalised_key(key);
  if (cluster_ != nullptr && scope == admin::Scope::everywhere) {
    const auto seen = co_await cluster_->room(normal);
    auto row = agreed_row(normal, seen.facts);
    if (row) {
      row->tunnels_here = row->tunnels;
      row->tunnels += static_cast<std::uint32_t>(seen.tunnels_elsewhere);
      row->all_counted = seen.all_counted;
    }
    co_return row;
  }
  const auto entry = table_.peek(normal);
  if (!entry) co_return std::nullopt;
  co_return row_of(normal, *entry);
}

net::Task<admin::Subject::Forgotten> Gate::forget(std::string_view key, admin::Scope scope) {
  const std::string normal = room::normalised_key(key);
  Forgotten done = Forgotten::yes;
  if (cluster_ == nullptr) {
    if (!table_.forget(normal)) done = Forgotten::no_such_room;
  } else if (scope == admin::Scope::here) {
    done = Forgotten::here_only;
  } else {
    const auto outcome = co_await cluster_->forget(normal);
    if (outcome.refusal != peers_sync::Refusal::none) {
      const bool unknown = outcome.refusal == peers_sync::Refusal::stay;
      done = unknown ? Forgotten::no_such_room : Forgotten::no_owner;
    }
  }
  if (done == Forgotten::yes) LOG(info, "room_forgotten", {"room", normal});
  co_return done;
}

net::Task<Result<admin::Subject::Moved, admin::Subject::MoveError>> Gate::move_room(std::string_view key,
                                                                                    std::string_view shard,
                                                                                    admin::Scope scope) {
  const std::string normal = room::normalised_key(key);
  if (cluster_ == nullptr) co_return move_alone(normal, shard);
  co_return co_await move_agreed(normal, std::string(shard), scope);
}

std::optional<admin::Subject::MoveError> Gate::may_move_to(std::string_view from, std::string_view to) const {
  const balance::Shard* const shard = shards_->by_name(to);
  if (shard == nullptr) return MoveError::no_such_shard;
  if (from == to) return MoveError::is_there;
  if (!balance::takes_new_rooms(*shard)) return MoveError::shard_takes_none;
  return std::nullopt;
}

Result<admin::Subject::Moved, admin::Subject::MoveError> Gate::move_alone(const std::string& normal,
                                                                          std::string_view shard) {
  const auto entry = table_.peek(normal);
  if (!entry) return fail(MoveError::no_such_room);
  if (const auto error = may_move_to(names_.name_of(entry->shard), shard)) return fail(*error);
  const balance::Shard* const to = shards_->by_name(shard);
  const auto moved =
      table_.move(normal, entry->shard, to->id, stick::Table::MoveIf::always, stick::Placed::by_hand);
  // It ended, or somebody else moved it, between the two looks.
  if (!moved) return fail(MoveError::no_such_room);
  const std::string from = names_.name_of(entry->shard);
  metrics_.assignments.with({to->name, "moved"}).add();
  LOG(info, "room_moved", {"room", normal}, {"from", from}, {"shard", to->name}, {"why", "operator"},
      {"tunnels", moved->holds});
  send_away({.left = {{normal, from}}, .window = options_.heal_window});
  return Moved{.from = from, .generation = moved->generation, .tunnels = moved->holds};
}

void Gate::send_away(session::MovedRooms rooms) {
  if (rooms.left.empty()) return;
  for (const auto& [key, shard] : rooms.left) upgrade_->close_tunnels(key, shard, rooms.window);
  const double rate = static_cast<double>(options_.heal_rate) / static_cast<double>(runtime_.size());
  const auto shared = std::make_shared<const session::MovedRooms>(std::move(rooms));
  runtime_.on_each(
      [this, shared, rate](net::Core& core) { workers_[core.index()]->rooms_moved(*shared, rate); });
}

// --- drains

directory::Drains::Left Gate::left_on(const balance::Shard& shard) {
  const double tunnels = metrics_.tunnels.with({shard.name}).value();
  return {.rooms = table_.rooms_on(shard.id), .tunnels = static_cast<std::size_t>(std::max(0.0, tunnels))};
}

bool Gate::being_emptied(const std::string& shard) const {
  const directory::Known* known = directory_.find(shard);
  return known != nullptr && (known->leaving || known->word.state == balance::ShardState::drain);
}

void Gate::watch_drains(TimePoint now) {
  const directory::Drains::Pace pace{.window = options_.heal_window, .tunnels_a_second = options_.heal_rate};
  drains_.end_unless([this](const std::string& shard) { return being_emptied(shard); });
  for (const balance::Shard& shard : shards_->all()) {
    if (!being_emptied(shard.name)) continue;
    const auto left = left_on(shard);
    const auto& drain = drains_.begin(shard.name, left, std::chrono::system_clock::now());
    if (drains_.count(shard.name, left)) {
      LOG(info, "shard_empty", {"shard", shard.name}, {"rooms_at_start", drain.rooms_at_start});
    }
    if (drains_.wants_rooms(shard.name, now)) drains_.set_rooms(shard.name, rooms_of(shard.id), now, pace);
  }
  // A room's own clients go together, as far as the rate lets them: the rooms are what is spread.
  session::MovedRooms moved{.left = {}, .window = std::min(options_.heal_window, directory::Drains::kStep)};
  const auto steps =
      drains_.move_due(now, pace, [this, &moved](const std::string& shard, const std::string& key) {
        return move_from(shard, key, moved);
      });
  for (const auto& step : steps) {
    if (step.moved > 0) LOG(info, "drain_moves", {"shard", step.shard}, {"rooms", step.moved});
    if (step.stuck > 0) {
      LOG(warn, "drain_stuck", {"shard", step.shard}, {"rooms", step.stuck},
          {"reason", "no other shard may have them now"});
    }
  }
  send_away(std::move(moved));
}

std::vector<std::string> Gate::rooms_of(stick::ShardId shard) const {
  std::vector<std::string> keys;
  table_.for_each([this, &keys, shard](std::string_view key, const stick::Entry& entry) {
    if (entry.shard == shard && is_ours(key)) keys.emplace_back(key);
  });
  return keys;
}

std::optional<std::size_t> Gate::move_from(const std::string& shard, const std::string& key,
                                           session::MovedRooms& rooms) {
  const auto entry = table_.peek(key);
  if (!entry || names_.name_of(entry->shard) != shard) return 0;  // gone by itself
  const std::array except{entry->shard};
  const auto to = route::choose_other(key, table_.regions().name_of(entry->region),
                                      options_.session.route.pins.of_room(key), except, table_, *shards_,
                                      *policy_, options_.session.route, Clock::now());
  if (!to) return std::nullopt;
  if (cluster_ != nullptr) {
    cluster_->move_if_ours(key, shard, names_.name_of(to->shard), stick::Placed::drained);
    return entry->holds;
  }
  const auto moved =
      table_.move(key, entry->shard, to->shard, stick::Table::MoveIf::always, stick::Placed::drained);
  if (!moved) return 0;
  const std::string name = names_.name_of(to->shard);
  metrics_.assignments.with({name, "moved"}).add();
  LOG(info, "room_moved", {"room", key}, {"from", shard}, {"shard", name}, {"why", "drain"},
      {"tunnels", moved->holds});
  rooms.left.emplace(key, shard);
  return moved->holds;
}

}  // namespace roomgate::router::gate
