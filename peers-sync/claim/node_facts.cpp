// What a node can say of itself, its gates and its rooms: for people, for HAProxy beside us, for tests.
// Changes nothing.

#include "peers-sync/claim/node_parts.hpp"

namespace roomgate::peers_sync::claim {
namespace {

double to_ms(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

}  // namespace

bool Node::ready() const { return parts_->ready; }
bool Node::has_left() const { return parts_->membership.has_left(parts_->last_now); }

ReplicaStatus Node::status(TimePoint now) const {
  const Parts& p = *parts_;
  ReplicaStatus status{.mode = "peers",
                       .state = std::string(to_text(p.membership.state())),
                       .ready = p.ready,
                       .may_decide = p.membership.may_decide(now),
                       .missing = p.membership.missing(now),
                       .splits = p.book.conflicts_found(),
                       .clamped = p.owner.clamped(),
                       .lease_ms = to_ms(p.membership.lease()),
                       .table_limit = p.membership.table_limit()};
  for (const GateId& gate : p.membership.view()) status.view.push_back(gate.name);
  return status;
}

std::vector<PeerRow> Node::peers(TimePoint now) const {
  const Parts& p = *parts_;
  std::set<std::string> names(p.configured.begin(), p.configured.end());
  p.book.for_each_life([&](LifeIndex index, const Book::Life& life) {
    if (index != kSelf && life.id.name != p.options.name) names.insert(life.id.name);
  });
  std::vector<PeerRow> rows;
  for (const std::string& name : names) {
    PeerRow row{.name = name, .kind = "gate", .state = "gone", .up = p.membership.direct(name)};
    if (const Status* status = p.membership.status_of(name)) {
      if (p.membership.is_live(status->gate, now)) row.state = to_text(status->state);
      const View& view = p.membership.view();
      row.in_view = std::binary_search(view.begin(), view.end(), status->gate);
      const Status::Of* of = status->of_gate(p.membership.self());
      row.behind = p.book.own_end() - std::min(p.book.own_end(), of == nullptr ? 0 : of->have);
      if (const auto life = p.book.find_life(status->gate)) {
        row.updates_in = p.links.items_in(*life);
        row.updates_out = p.links.items_out(*life);
        row.asks_dropped = p.owner.dropped(*life);
      }
    }
    if (!row.up) row.via = p.membership.way_to(name, now).value_or("");
    if (const auto trip = p.membership.round_trip(name)) row.round_trip_ms = to_ms(*trip);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<std::string> Node::incomplete(TimePoint now) const {
  const Parts& p = *parts_;
  std::vector<std::string> names;
  for (const GateId& gate : p.membership.live(now)) {
    const auto life = p.book.find_life(gate);
    if (!life || !p.links.complete(*life)) {
      names.push_back(gate.name);
    }
  }
  return names;
}

RoomFacts Node::facts(std::string_view key, TimePoint now) const {
  const Parts& p = *parts_;
  RoomFacts facts;
  const View& view = p.membership.view();
  if (!view.empty()) facts.owner = view[owner_of(view, key)].name;
  const Room* room = p.book.find(key);
  if (room == nullptr) return facts;
  if (room->has_home()) facts.home = p.book.home_of(*room);
  for (const Holder& holder : room->holders) {
    if (p.book.counts(holder, now)) facts.holders.push_back(p.book.at(holder.gate).id.name);
  }
  facts.split = room->conflict;
  return facts;
}

std::vector<std::string> Node::split_rooms(std::size_t limit) const {
  std::vector<std::string> keys;
  for (const auto& [id, others] : parts_->book.conflicts()) {
    if (keys.size() >= limit) break;
    keys.push_back(parts_->book.room(id).key);
  }
  return keys;
}

bool Node::Parts::show(const Room& room, std::uint64_t position,
                       const std::function<bool(const Item&)>& visit) const {
  const Home home = room.has_home() ? book.home_of(room) : Home{};
  const bool decided_here = room.source == kSelf && !room.said_again;
  const bool by_another = room.source != kSelf && record.source_is_here(room, last_now);
  return visit({.key = room.key,
                .home = room.has_home() ? &home : nullptr,
                .decided_here = decided_here,
                .ours = decided_here || (!by_another && owner.owns(room.key)),
                .held = book.held(room, last_now),
                .position = position});
}

void Node::changed_since(std::uint64_t position, const std::function<bool(const Item&)>& visit) const {
  const Book& book = parts_->book;
  book.changed_since(position, [&](const Room& room, std::uint64_t at) {
    if (room.state == Room::State::unknown) return true;
    return parts_->show(room, at, visit);
  });
}

bool Node::look_at(std::string_view key, const std::function<void(const Item&)>& visit) const {
  const Room* room = parts_->book.find(key);
  if (room == nullptr || room->state == Room::State::unknown) return false;
  return parts_->show(*room, 0, [&visit](const Item& item) {
    visit(item);
    return true;
  });
}

std::uint64_t Node::last_change() const { return parts_->book.last_change(); }

}  // namespace roomgate::peers_sync::claim
