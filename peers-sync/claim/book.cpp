#include "peers-sync/claim/book.hpp"

#include <algorithm>
#include <utility>

#include "peers-sync/claim/status.hpp"

namespace roomgate::peers_sync::claim {
namespace {

// Of one room; a partition leaves as many homes as it has sides.
constexpr std::size_t kMaxConflicts = 8;
// Names of shards and regions in all. Beyond: rooms of new ones are not taken.
constexpr std::size_t kMaxNames = 1'000'000;

}  // namespace

const Holder* Room::holder(LifeIndex gate) const {
  const auto at =
      std::find_if(holders.begin(), holders.end(), [&](const Holder& one) { return one.gate == gate; });
  return at == holders.end() ? nullptr : &*at;
}

Book::Book(Options options, GateId self) : options_(options) {
  name("");
  lives_.emplace_back();  // nobody
  lives_[kNobody].used = true;
  life(self);
}

// --- Lives.

LifeIndex Book::life(const GateId& gate) {
  const auto [at, fresh] = life_index_.try_emplace(gate, 0);
  if (!fresh) return at->second;
  const auto unused = std::find_if(lives_.begin(), lives_.end(), [](const Life& life) { return !life.used; });
  at->second = static_cast<LifeIndex>(unused - lives_.begin());
  if (unused == lives_.end()) lives_.emplace_back();
  lives_[at->second].id = gate;
  lives_[at->second].used = true;
  return at->second;
}

std::optional<LifeIndex> Book::find_life(const GateId& gate) const {
  const auto at = life_index_.find(gate);
  if (at == life_index_.end()) return std::nullopt;
  return at->second;
}

void Book::forget_life(LifeIndex life) {
  // All that is alive of it is in its log, so nothing points to it afterwards.
  lives_[life].log.after(0, [&](const LogItem& item) {
    if (item.kind == LogItem::Kind::word) {
      if (words_.at(item.what).source == life) words_.set_source(item.what, kNobody, 0);
      return true;
    }
    Room& room = rooms_[item.what];
    if (room.source == life) room.source = kNobody;
    std::erase_if(room.holders, [&](const Holder& holder) { return holder.gate == life; });
    return true;
  });
  life_index_.erase(lives_[life].id);
  lives_[life] = {};
}

// --- Rooms.

Room* Book::find(std::string_view key) {
  const auto& index = part(key);
  const auto at = index.find(key);
  return at == index.end() ? nullptr : &rooms_[at->second];
}

const Room* Book::find(std::string_view key) const {
  const auto& index = part(key);
  const auto at = index.find(key);
  return at == index.end() ? nullptr : &rooms_[at->second];
}

Room& Book::make(std::string_view key) {
  if (Room* room = find(key)) return *room;
  RoomId id = 0;
  if (free_.empty()) {
    id = static_cast<RoomId>(rooms_.size());
    rooms_.emplace_back();
    used_.push_back(true);
  } else {
    id = free_.back();
    free_.pop_back();
    used_[id] = true;
  }
  Room& room = rooms_[id];
  room.id = id;
  room.key = key;
  part(key).emplace(room.key, id);
  return room;
}

Home Book::home_of(const Room& room) const {
  return {.shard = names_[room.shard],
          .generation = room.generation,
          .created = room.since,
          .provisional = room.provisional,
          .placed = room.placed,
          .region = names_[room.region]};
}

std::size_t Book::bytes_of(const Room& room) const {
  const std::size_t others = room.conflict ? conflicts_.at(room.id).size() : 0;
  return room.key.size() + (1 + others) * (names_[room.shard].size() + names_[room.region].size() + 64) +
         room.holders.size() * 64;
}

std::uint32_t Book::name(std::string_view text) {
  if (const auto at = name_index_.find(text); at != name_index_.end()) return at->second;
  if (names_.size() >= kMaxNames) return 0;
  names_.emplace_back(text);
  hashes_.push_back(short_hash(text));
  const auto id = static_cast<std::uint32_t>(names_.size() - 1);
  name_index_.emplace(names_.back(), id);
  return id;
}

// --- What was said.

Book::Effect Book::entry(Room& room, const Home& home, Said said) {
  if (home.generation == 0 || home.shard.empty()) return Effect::none;
  if (room.state == Room::State::tombstone && home.generation <= room.generation && options_.generations) {
    return Effect::none;
  }
  if (!room.has_home()) {
    set_home(room, home);
    set_source(room, said);
    changed(room);
    return Effect::home;
  }
  const bool same_shard = names_[room.shard] == home.shard;
  if (home.generation == room.generation && same_shard) {
    // A gate that is here is a better source than one that has gone, or an answer.
    if (room.source == kNobody || (lives_[room.source].gone && said.by != kNobody)) set_source(room, said);
    if (!room.provisional || home.provisional) return Effect::none;
    make_real(room);
    if (said.by != kNobody) set_source(room, said);
    return Effect::better;
  }
  const bool newer = home.generation > room.generation;
  if (home.generation == room.generation) {
    if (!options_.generations) return Effect::none;
    auto& others = conflicts_[room.id];
    const bool known = std::any_of(others.begin(), others.end(),
                                   [&](const Home& other) { return other.shard == home.shard; });
    if (known || others.size() >= kMaxConflicts) return Effect::none;
    if (others.empty()) ++conflicts_found_;
    others.push_back(home);
    room.conflict = true;
    return Effect::conflict;
  }
  // Without rule 10 the last that comes counts.
  if (!newer && options_.generations) return Effect::none;
  set_home(room, home);
  set_source(room, said);
  changed(room);
  return same_shard ? Effect::better : Effect::moved;
}

Book::Effect Book::tombstone(Room& room, std::uint64_t generation, TimePoint since, Said said) {
  if (generation == 0) return Effect::none;
  if (room.has_home() && generation < room.generation && options_.generations) return Effect::none;
  if (room.state == Room::State::tombstone && generation <= room.generation) {
    if (generation == room.generation && (room.source == kNobody || lives_[room.source].gone)) {
      set_source(room, said);
    }
    return Effect::none;
  }
  const bool had_home = room.has_home();
  count(room, -1);
  drop_conflict(room);
  room.state = Room::State::tombstone;
  room.generation = generation;
  room.since = since;
  room.provisional = room.given_back = room.releasing = room.forgotten = false;
  set_source(room, said);
  changed(room);
  return had_home ? Effect::released : Effect::none;
}

void Book::set_home(Room& room, const Home& home) {
  count(room, -1);
  drop_conflict(room);
  room.state = Room::State::home;
  room.generation = home.generation;
  room.since = home.created;
  room.last_use = std::max(room.last_use, home.created);
  room.provisional = home.provisional;
  room.placed = home.placed;
  room.shard = name(home.shard);
  room.region = name(home.region);
  room.given_back = room.releasing = false;
  count(room, +1);
}

void Book::count(const Room& room, int by) {
  if (!room.has_home()) return;
  homes_ += static_cast<std::size_t>(by);
  if (room.provisional) provisionals_ += static_cast<std::size_t>(by);
}

void Book::set_source(Room& room, Said said) {
  const LifeIndex before = room.source;
  room.source = said.by;
  room.number = said.number;
  room.said_again = false;
  if (before != kNobody) item_died(before);
  if (said.by != kNobody) {
    lives_[said.by].log.add({.number = said.number, .what = room.id, .kind = LogItem::Kind::entry});
  }
}

void Book::make_real(Room& room) {
  count(room, -1);
  room.provisional = false;
  count(room, +1);
  changed(room);
}

void Book::discard(Room& room, bool keep_home) {
  std::vector<LifeIndex> gone;
  std::erase_if(room.holders, [&](const Holder& holder) {
    if (holder.gate == kSelf) return false;
    gone.push_back(holder.gate);
    if (holder.again != 0) gone.push_back(kSelf);
    return true;
  });
  if (!keep_home) {
    count(room, -1);
    drop_conflict(room);
    room.state = Room::State::unknown;
    room.generation = 0;
    room.provisional = room.given_back = room.releasing = room.forgotten = false;
    if (room.source != kNobody) gone.push_back(std::exchange(room.source, kNobody));
  }
  for (const LifeIndex life : gone) item_died(life);
  changed(room);
}

bool Book::hold(Room& room, const Holder& holder) {
  const auto at = std::find_if(room.holders.begin(), room.holders.end(),
                               [&](const Holder& known) { return known.gate == holder.gate; });
  if (at != room.holders.end() && at->number >= holder.number) return false;
  const bool known = at != room.holders.end();
  if (known) {
    *at = holder;
  } else {
    room.holders.push_back(holder);
  }
  if (holder.gate == kSelf) {
    note_own_hold(room, holder.number);
  } else {
    if (known) item_died(holder.gate);
    lives_[holder.gate].log.add({.number = holder.number, .what = room.id, .kind = LogItem::Kind::hold});
  }
  changed(room);
  return true;
}

bool Book::unhold(Room& room, LifeIndex gate, std::uint64_t number, TimePoint last_use) {
  room.last_use = std::max(room.last_use, last_use);
  const auto at = std::find_if(room.holders.begin(), room.holders.end(),
                               [&](const Holder& holder) { return holder.gate == gate; });
  if (at == room.holders.end() || at->number >= number) return false;
  room.holders.erase(at);
  if (gate == kSelf) {
    note_own_hold(room, number);
  } else {
    item_died(gate);
  }
  changed(room);
  return true;
}

void Book::used(Room& room, TimePoint when) { room.last_use = std::max(room.last_use, when); }

bool Book::counts(const Holder& holder, TimePoint now) const {
  const Life& life = lives_[holder.gate];
  return !life.gone || now - *life.gone < options_.reconnect_grace;
}

bool Book::held(const Room& room, TimePoint now, LifeIndex but) const {
  return std::any_of(room.holders.begin(), room.holders.end(),
                     [&](const Holder& holder) { return holder.gate != but && counts(holder, now); });
}

const Word* Book::word(const Word& word, Said said) {
  const auto* before = words_.find(word.name);
  const LifeIndex source = before == nullptr ? kNobody : before->source;
  const auto* known = words_.take(word, said.by, said.number);
  if (known == nullptr) return nullptr;
  if (source != kNobody) item_died(source);
  if (said.by != kNobody) {
    lives_[said.by].log.add(
        {.number = said.number, .what = words_.id_of(*known), .kind = LogItem::Kind::word});
  }
  return &known->word;
}

void Book::word_again(WordId id, std::uint64_t number) {
  if (const LifeIndex source = words_.at(id).source; source != kNobody) item_died(source);
  words_.set_source(id, kSelf, number);
  lives_[kSelf].log.add({.number = number, .what = id, .kind = LogItem::Kind::word});
}

void Book::drop_conflict(Room& room) {
  if (!room.conflict) return;
  room.conflict = false;
  conflicts_.erase(room.id);
}

// --- Logs.

bool Book::alive(LifeIndex log, const LogItem& item) const {
  if (item.kind == LogItem::Kind::word) {
    const auto& known = words_.at(item.what);
    return known.source == log && known.number == item.number;
  }
  const Room& room = rooms_[item.what];
  if (item.kind == LogItem::Kind::entry) return room.source == log && room.number == item.number;
  if (log == kSelf && item.gate == 0) return room.own_hold == item.number;
  const Holder* holder = room.holder(log == kSelf ? item.gate : log);
  return holder != nullptr && (log == kSelf ? holder->again : holder->number) == item.number;
}

void Book::note_own_hold(Room& room, std::uint64_t number) {
  if (room.own_hold != 0) item_died(kSelf);
  room.own_hold = number;
  lives_[kSelf].log.add({.number = number, .what = room.id, .kind = LogItem::Kind::hold});
}

void Book::note_again(Room& room, LifeIndex gate, std::uint64_t number) {
  for (Holder& holder : room.holders) {
    if (holder.gate != gate) continue;
    if (holder.again != 0) item_died(kSelf);
    holder.again = number;
    LogItem item{.number = number, .what = room.id, .kind = LogItem::Kind::hold};
    item.gate = gate & 0xffffff;
    lives_[kSelf].log.add(item);
  }
}

void Book::entry_again(Room& room, std::uint64_t number) {
  set_source(room, {kSelf, number});
  room.said_again = true;
}

void Book::item_died(LifeIndex log) {
  lives_[log].log.died([&](const LogItem& item) { return alive(log, item); });
}

void Book::changed(Room& room) {
  const bool first = room.change == 0;
  room.change = ++last_change_;
  changes_.add({.number = room.change, .what = room.id});
  if (!first) changes_.died([&](const LogItem& item) { return change_alive(item); });
}

bool Book::change_alive(const LogItem& item) const { return rooms_[item.what].change == item.number; }

bool Book::tidy(RoomId id, TimePoint now) {
  if (!used_[id]) return false;
  Room& room = rooms_[id];
  if (room.has_home() || !room.holders.empty()) return false;
  if (room.state == Room::State::tombstone && now - room.since < options_.tombstone_life) return false;
  const LifeIndex source = room.source;
  const bool own_hold = room.own_hold != 0;
  part(room.key).erase(room.key);
  room = {};
  used_[id] = false;
  free_.push_back(id);
  // Their items point to a room that is another one, or none: not alive by the numbers.
  if (source != kNobody) item_died(source);
  if (own_hold) item_died(kSelf);
  changes_.died([&](const LogItem& item) { return change_alive(item); });
  return true;
}

}  // namespace roomgate::peers_sync::claim
