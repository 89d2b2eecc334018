#include "peers-sync/claim/record.hpp"

#include <algorithm>

namespace roomgate::peers_sync::claim {
namespace {

constexpr std::size_t kMaxStillAt = 100'000;

}  // namespace

void Record::take(const Item& item, const std::vector<GateId>& gates, Book::Said said, TimePoint now) {
  if (item.kind == Item::Kind::word) {
    const Word word{std::string(item.key), std::string(item.value), item.version, std::string(item.by)};
    if (const Word* news = book_.word(word, said)) host_.heard(*news);
    return;
  }
  Room& room = book_.make(item.key);
  switch (item.kind) {
    case Item::Kind::entry:
      entry(room,
            {.shard = std::string(item.shard),
             .generation = item.generation,
             .created = now - item.age,
             .provisional = item.provisional,
             .placed = item.placed,
             .region = std::string(item.region)},
            said, now);
      break;
    case Item::Kind::tombstone:
      tombstone(room, {item.generation, now - item.age, item.forgotten}, said, now);
      break;
    case Item::Kind::hold: {
      Holder holder{
          .gate = said.by, .shard = item.shard_hash, .generation = item.generation, .number = said.number};
      if (item.of != 0) {
        // Of a gate that is gone. What we know of its log ourselves goes before.
        const GateId& gate = gates[item.of - 1];
        if (gate == membership_.self()) break;
        holder.gate = book_.life(gate);
        holder.number = item.of_number;
        Book::Life& life = book_.at(holder.gate);
        if (life.have >= holder.number) break;
        if (!life.gone && !membership_.is_live(gate, now)) life.gone = now - item.age;
      }
      if (!book_.hold(room, holder)) break;
      // Signalling has used it.
      make_real(room);
      notice_use(room, now);
      break;
    }
    case Item::Kind::unhold: book_.unhold(room, said.by, said.number, now - item.age); break;
    case Item::Kind::word: break;
  }
}

void Record::take_answer(std::string_view key, const Home& home, TimePoint now) {
  Room& room = book_.make(key);
  entry(room, home, {}, now);
  if (room.has_home() && room.source == kNobody) answered_.insert(room.id);
  book_.used(room, now);
}

void Record::entry(Room& room, const Home& home, Book::Said said, TimePoint now) {
  std::string before(room.has_home() ? book_.shard_of(room) : std::string_view());
  switch (book_.entry(room, home, said)) {
    case Book::Effect::none:
    case Book::Effect::released: return;
    case Book::Effect::home:
    case Book::Effect::better:
      if (const auto at = still_at_.find(room.key); at != still_at_.end()) {
        before = at->second;
        still_at_.erase(at);
        if (before != home.shard) {
          host_.put(room.key, book_.home_of(room));
          host_.moved(room.key, before, book_.home_of(room));
          return;
        }
      }
      put(room, now);
      return;
    case Book::Effect::moved: {
      put(room, now);
      host_.moved(room.key, before, book_.home_of(room));
      return;
    }
    case Book::Effect::conflict:
      // The owner has to see both. It has the other from the one who told us; ours from us, if from nobody.
      if (!source_is_here(room, now)) say_again(room);
      return;
  }
}

void Record::make_real(Room& room) {
  if (!room.has_home() || !room.provisional) return;
  book_.make_real(room);
  if (!room.given_back) host_.put(room.key, book_.home_of(room));
}

void Record::put(Room& room, TimePoint now) {
  if (room.given_back) return;
  host_.put(room.key, book_.home_of(room));
  notice_use(room, now);
}

void Record::notice_use(Room& room, TimePoint now) {
  if (!room.has_home() || room.provisional || room.given_back) return;
  const Holder* ours = room.holder(kSelf);
  if (ours != nullptr && ours->generation == room.generation) return;
  if (host_.local_use(room.key, now).held) used_(room, now);
}

void Record::tombstone(Room& room, const Tombstone& stone, Book::Said said, TimePoint now) {
  const bool used = room.has_home() && !room.given_back && host_.local_use(room.key, now).held;
  Home home = room.has_home() ? book_.home_of(room) : Home{};
  if (book_.tombstone(room, stone.generation, stone.since, said) != Book::Effect::released) return;
  room.forgotten = stone.forgotten;
  // Whoever is there has to leave it when the room is somewhere else.
  if (used && still_at_.size() < kMaxStillAt) still_at_.insert_or_assign(room.key, home.shard);
  if (!used || stone.forgotten || !options_.rules.release_by_all) {
    host_.drop(room.key);
    return;
  }
  home.generation = stone.generation + 1;
  rescued_.push_back({room.key, std::move(home)});
}

void Record::rescue_ended(std::string_view key, bool lost) {
  if (const auto at = still_at_.find(key); at != still_at_.end()) still_at_.erase(at);
  if (lost) host_.drop(key);
}

bool Record::source_is_here(const Room& room, TimePoint now) const {
  return room.source == kSelf ||
         (room.source != kNobody && membership_.is_live(book_.at(room.source).id, now));
}

std::uint64_t Record::next_number() {
  const std::uint64_t number = book_.next_number();
  membership_.set_log_end(number);
  return number;
}

void Record::say_entry(Room& room, const Home& home, TimePoint now) {
  entry(room, home, {kSelf, next_number()}, now);
}

void Record::say_tombstone(Room& room, bool forgotten, TimePoint now) {
  tombstone(room, {room.generation, now, forgotten}, {kSelf, next_number()}, now);
}

void Record::say_hold(Room& room, TimePoint now) {
  make_real(room);
  book_.used(room, now);
  book_.hold(room, {.gate = kSelf,
                    .shard = book_.shard_hash(room),
                    .generation = room.generation,
                    .number = next_number()});
}

void Record::say_unhold(Room& room, TimePoint last_use) {
  book_.unhold(room, kSelf, next_number(), last_use);
}

void Record::say_word(std::string name, std::string value) {
  const auto* known = book_.words().find(name);
  Word word{std::move(name), std::move(value), known == nullptr ? 1 : known->word.version + 1, options_.name};
  book_.word(word, {kSelf, next_number()});
}

void Record::say_again(Room& room) { book_.entry_again(room, next_number()); }

void Record::say_again(LifeIndex life, std::uint64_t above) {
  Book::Life& gone = book_.at(life);
  if (above >= gone.said_again) return;
  std::vector<LogItem> items;
  gone.log.after(above, [&](const LogItem& item) {
    if (item.number > gone.said_again) return false;
    if (book_.alive(life, item)) items.push_back(item);
    return true;
  });
  gone.said_again = above;
  for (const LogItem& item : items) {
    switch (item.kind) {
      case LogItem::Kind::entry: say_again(book_.room(item.what)); break;
      case LogItem::Kind::hold: book_.note_again(book_.room(item.what), life, next_number()); break;
      case LogItem::Kind::word: book_.word_again(item.what, next_number()); break;
    }
  }
}

void Record::say_again_answered() {
  for (const RoomId id : std::exchange(answered_, {})) {
    if (!book_.is_room(id)) continue;
    Room& room = book_.room(id);
    if (room.has_home() && room.source == kNobody) say_again(room);
  }
}

void Record::take_back(Room& room) {
  if (!room.has_home() || !room.given_back) return;
  room.given_back = false;
  host_.put(room.key, book_.home_of(room));
}

Item item_of(const Book& book, const LogItem& logged, TimePoint now) {
  Item item;
  if (logged.kind == LogItem::Kind::word) {
    item = item_of_word(book.words().at(logged.what));
  } else {
    const Room& room = book.room(logged.what);
    const Holder* holder = room.holder(logged.gate == 0 ? kSelf : logged.gate);
    if (logged.kind == LogItem::Kind::entry) {
      item = item_of_home(book, room, now);
    } else if (holder != nullptr) {
      item = item_of_hold(book, room, *holder, now);
    } else {
      item.kind = Item::Kind::unhold;
      item.key = room.key;
      item.generation = room.generation;
      item.age = now - room.last_use;
    }
  }
  item.number = logged.number;
  return item;
}

Item item_of_hold(const Book& book, const Room& room, const Holder& holder, TimePoint now) {
  Item item;
  item.kind = Item::Kind::hold;
  item.key = room.key;
  item.generation = holder.generation;
  item.shard_hash = holder.shard;
  item.of_number = holder.number;
  const auto& gone = book.at(holder.gate).gone;
  item.age = gone ? now - *gone : Duration{0};
  return item;
}

Item item_of_home(const Book& book, const Room& room, TimePoint now) {
  Item item;
  item.key = room.key;
  item.generation = room.generation;
  item.age = now - room.since;
  if (room.has_home()) {
    item.kind = Item::Kind::entry;
    item.shard = book.shard_of(room);
    item.region = book.region_of(room);
    item.placed = room.placed;
    item.provisional = room.provisional;
  } else {
    item.kind = Item::Kind::tombstone;
    item.forgotten = room.forgotten;
  }
  return item;
}

Item item_of_other_home(const Room& room, const Home& other, TimePoint now) {
  Item item;
  item.kind = Item::Kind::entry;
  item.key = room.key;
  item.generation = other.generation;
  item.age = now - other.created;
  item.shard = other.shard;
  item.region = other.region;
  item.placed = other.placed;
  item.provisional = other.provisional;
  return item;
}

Item item_of_word(const Words::Known& known) {
  Item item;
  item.kind = Item::Kind::word;
  item.key = known.word.name;
  item.value = known.word.value;
  item.version = known.word.version;
  item.by = known.word.by;
  return item;
}

}  // namespace roomgate::peers_sync::claim
