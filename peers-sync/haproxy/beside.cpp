#include "peers-sync/haproxy/beside.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"

namespace roomgate::peers_sync::haproxy {
namespace {

constexpr std::size_t kSpellings = 4;           // of a room, our own among them
constexpr std::size_t kMaxSpellings = 200'000;  // of all rooms, without our own
constexpr std::size_t kMaxExpected = 10'000;    // rooms
constexpr std::size_t kMaxWarnings = 1'000;     // each is said once
constexpr std::size_t kMaxPeers = 1'024;
constexpr std::size_t kChangesAtOnce = 10'000;
constexpr std::size_t kLooksAtOnce = 1'000;
constexpr int kRefreshesInExpire = 3;

std::string text(std::uint64_t number) { return std::to_string(number); }

}  // namespace

Beside::Beside(Settings settings, const std::vector<Server>& servers, const Feed& feed, Listener& listener,
               TimePoint now)
    : settings_(std::move(settings)),
      servers_(settings_.by_address, servers),
      feed_(feed),
      listener_(listener),
      lessons_(now) {}

// --- What HAProxies are told.

void Beside::set(const Settings& settings, const std::vector<Server>& servers, TimePoint now) {
  const bool other_keys = settings.form != settings_.form || settings.key_length != settings_.key_length;
  const bool told = tells();
  if (other_keys) forget_rooms();
  const Servers before = std::exchange(servers_, Servers(settings.by_address, servers));
  settings_ = settings;
  if (told != tells()) forget_rooms();
  const auto same = [&](std::string_view shard) {
    const Servers::Spoken* was = before.spoken(shard);
    const Servers::Spoken* is = servers_.spoken(shard);
    return was == nullptr ? is == nullptr : is != nullptr && *was == *is;
  };
  for (auto& [key, room] : rooms_) {
    if (!same(room.shard)) say(key, room, now);
  }
  pull(now);
}

void Beside::begin_again(TimePoint now) {
  forget_rooms();
  pull(now);
}

// And reads the feed from its beginning.
void Beside::forget_rooms() {
  for (const auto& [key, room] : rooms_) silence(key, room);
  rooms_.clear();
  tenants_.clear();
  spellings_ = 0;
  seen_ = 0;
}

void Beside::pull(TimePoint now) {
  std::size_t left = kChangesAtOnce;
  feed_.changed_since(seen_, [&](const Feed::Change& change) {
    seen_ = change.position;
    if (change.shard.empty()) {
      released(change.key);
    } else {
      changed(change, now);
    }
    return --left > 0;
  });
  more_ = left == 0;
}

void Beside::changed(const Feed::Change& change, TimePoint now) {
  if (!tells()) return;
  const auto [at, created] = rooms_.try_emplace(std::string(change.key));
  auto& [key, room] = *at;
  if (created && has_tenant(key)) ++tenants_[std::string(room_of(key))];
  if (!created && room.shard == change.shard) {
    const bool news = change.ours && !room.ours;
    room.ours = change.ours;
    // Who spoke for it may have gone before it did.
    if (news) say(key, room, now);
    return;
  }
  room.shard = change.shard;
  room.ours = change.ours;
  const auto expected = expected_.find(key);
  if (expected == expected_.end()) return say(key, room, now);
  const Expected was = std::move(expected->second);
  expected_.erase(expected);
  (void)add_spelling(key, room, was.spelling);
  say(key, room, now);
  if (was.shard != room.shard) return;
  // It is from HAProxy that we have it.
  if (Row* row = rows_.find(was.spelling); row != nullptr && row->key == key) row->pushed = false;
}

void Beside::released(std::string_view released_key) {
  const auto at = rooms_.find(released_key);
  if (at == rooms_.end()) return;
  const auto& [key, room] = *at;
  // There is no word by which HAProxy would forget it, so its clients still go there.
  if (const Row* row = rows_.find(own_spelling(key)); row != nullptr && row->key == key) {
    hints_.put(own_spelling(key), room.shard, row->said + settings_.expire);
  }
  silence(key, room);
  spellings_ -= room.spellings.size();
  if (has_tenant(key)) {
    const auto tenants = tenants_.find(room_of(key));
    if (tenants != tenants_.end() && --tenants->second == 0) tenants_.erase(tenants);
  }
  rooms_.erase(at);
}

void Beside::say(const std::string& key, Room& room, TimePoint now) {
  if (servers_.spoken(room.shard) == nullptr) {
    silence(key, room);
    if (first_time("shard", room.shard)) {
      LOG(warn, "haproxy_is_not_told_of_shard", {"shard", room.shard}, {"reason", "it has no haproxy_id"});
    }
    return;
  }
  say_spelling(own_spelling(key), key, room, room.ours, now);
  for (const std::string& spelling : room.spellings) say_spelling(spelling, key, room, room.ours, now);
}

void Beside::say_spelling(std::string_view spelling, const std::string& key, const Room& room, bool pushed,
                          TimePoint now) {
  if (spelling.empty() || servers_.spoken(room.shard) == nullptr) return;
  rows_.say(spelling, key, pushed, now);
}

// Its rows go; two rooms that look alike to HAProxy have one, which stays with the other.
void Beside::silence(const std::string& key, const Room& room) {
  const auto erase = [&](std::string_view spelling) {
    const Row* row = rows_.find(spelling);
    if (row != nullptr && row->key == key) rows_.erase(spelling);
  };
  erase(own_spelling(key));
  for (const std::string& spelling : room.spellings) erase(spelling);
}

bool Beside::add_spelling(const std::string& key, Room& room, std::string_view spelling) {
  if (spelling.empty() || spelling == own_spelling(key)) return false;
  if (room.spellings.size() + 1 >= kSpellings || spellings_ >= kMaxSpellings) return false;
  if (std::find(room.spellings.begin(), room.spellings.end(), spelling) != room.spellings.end()) return false;
  room.spellings.emplace_back(spelling);
  ++spellings_;
  return true;
}

void Beside::expect(std::string_view key, std::string_view spelling, std::string_view shard) {
  // Those that never got a home.
  if (expected_.size() >= kMaxExpected) expected_.clear();
  expected_.insert_or_assign(std::string(key), Expected{std::string(spelling), std::string(shard)});
}

void Beside::spelled(std::string_view key, std::string_view raw, TimePoint now) {
  // A client writes the room; how a HAProxy would put a tenant before it is not known.
  if (!tells() || settings_.form != KeyForm::room) return;
  const std::string_view spelling = cut(raw, settings_.key_length);
  if (spelling.empty() || spelling == own_spelling(key)) return;
  const auto at = rooms_.find(key);
  if (at == rooms_.end()) {
    // What a HAProxy said of it, if it did, says more.
    if (!expected_.contains(key)) expect(key, spelling, {});
    return;
  }
  auto& [known, room] = *at;
  if (add_spelling(known, room, spelling)) say_spelling(spelling, known, room, room.ours, now);
}

std::string_view Beside::own_spelling(std::string_view key) const {
  return in_form(key, settings_.form, settings_.key_length);
}

// --- Time.

void Beside::tick(TimePoint now) {
  pull(now);
  for (const std::string& key : disputes_.due(now)) {
    const auto at = rooms_.find(key);
    if (at == rooms_.end() || !at->second.ours) continue;
    ++counters_.said_again;
    say(at->first, at->second, now);
  }
  refresh(now);
}

TimePoint Beside::next() const {
  if (more_) return TimePoint::min();
  TimePoint due = disputes_.next();
  if (const Row* oldest = rows_.oldest()) {
    due = std::min(due, oldest->looked + settings_.expire / kRefreshesInExpire);
  }
  return due;
}

// HAProxy forgets what it did not hear of for long, and a meeting may well be longer.
void Beside::refresh(TimePoint now) {
  for (std::size_t looks = 0; looks < kLooksAtOnce; ++looks) {
    Row* row = rows_.oldest();
    if (row == nullptr || now < row->looked + settings_.expire / kRefreshesInExpire) return;
    const auto known = feed_.find(row->key);
    if (!known || !known->ours || !known->in_use) {
      rows_.looked_at(*row, now);
      continue;
    }
    ++counters_.refreshed;
    rows_.say(row->spelling, row->key, true, now);
  }
}

bool Beside::take_news() { return std::exchange(told_, rows_.last()) != rows_.last(); }

std::optional<std::string_view> Beside::hint(std::string_view key, TimePoint now) const {
  if (settings_.form == KeyForm::off) return std::nullopt;
  return hints_.find(own_spelling(key), now);
}

bool Beside::first_time(std::string_view what, std::string_view name) {
  if (warned_.size() >= kMaxWarnings) return false;
  return warned_.insert(std::string(what).append(" ").append(name)).second;
}

// --- Tables.

codec::TableDefinition Beside::definition() const {
  const auto expire = std::chrono::duration_cast<milliseconds>(settings_.expire).count();
  return {.name = settings_.table,
          .key_length = settings_.key_length + 1,
          .types = codec::kStickTypes,
          .expire = static_cast<std::uint64_t>(expire)};
}

std::optional<Entry> Beside::next(std::uint64_t position, TimePoint now) {
  while (const Row* row = rows_.behind(position)) {
    position = row->position;
    const auto room = rooms_.find(row->key);
    const Servers::Spoken* server = room == rooms_.end() ? nullptr : servers_.spoken(room->second.shard);
    if (server == nullptr) continue;
    return Entry{.position = row->position,
                 .key = row->spelling,
                 .server_id = server->id,
                 .server_key = server->key,
                 .remaining = settings_.expire - (now - row->said),
                 .ours = row->pushed};
  }
  return std::nullopt;
}

bool Beside::up_to_date(TimePoint now) const { return feed_.complete() && learned(now); }

bool Beside::wants_lesson(std::string_view peer, TimePoint now) {
  return settings_.form != KeyForm::off && lessons_.wants(peer, now);
}

void Beside::lesson_over(std::string_view peer, bool complete, TimePoint now) {
  lessons_.over(peer, complete, now);
  LOG(info, "haproxy_lesson", {"peer", peer}, {"complete", complete});
}

bool Beside::wants(std::string_view table, std::uint64_t key_type, std::uint64_t key_length) {
  if (settings_.form == KeyForm::off || table != settings_.table) return false;
  const bool alike = key_type == static_cast<std::uint64_t>(codec::KeyType::string) &&
                     key_length == settings_.key_length + 1;
  // HAProxy says nothing of it, and nothing is replicated at all.
  if (!alike && first_time("table", text(key_type) + " " + text(key_length))) {
    LOG(warn, "haproxy_table_is_another", {"table", table}, {"key_type", key_type},
        {"len", key_length == 0 ? 0 : key_length - 1}, {"our_len", settings_.key_length});
  }
  if (alike && !tells() && first_time("told", "nothing")) {
    LOG(warn, "haproxy_is_told_nothing", {"table", table}, {"reason", "no shard has a haproxy_id"});
  }
  return alike;
}

std::uint64_t Beside::acknowledged(std::string_view peer) const {
  const auto found = acknowledged_.find(peer);
  return found == acknowledged_.end() ? 0 : found->second;
}

void Beside::acknowledge(std::string_view peer, std::uint64_t position) {
  if (const auto found = acknowledged_.find(peer); found != acknowledged_.end()) {
    found->second = position;
  } else if (acknowledged_.size() < kMaxPeers) {
    acknowledged_.emplace(peer, position);
  }
}

// --- What HAProxies say.

void Beside::learn(const Learned& learned, TimePoint now) {
  if (settings_.form == KeyForm::off) return;
  const std::string_view spelling = cut(learned.key, settings_.key_length);
  const std::string shard(servers_.shard_of(learned.server_id, learned.server_key));
  if (shard.empty()) {
    ++counters_.unknown_servers;
    if (first_time("server", learned.server_key.empty() ? text(static_cast<std::uint64_t>(learned.server_id))
                                                        : std::string(learned.server_key))) {
      LOG(warn, "haproxy_names_no_shard", {"peer", learned.peer}, {"server", learned.server_key},
          {"id", learned.server_id});
    }
    return;
  }
  const auto key = listener_.key_of(spelling);
  if (!key) {
    ++counters_.unusable_keys;
    return;
  }
  if (only_a_hint(spelling, *key)) {
    ++counters_.hints;
    hints_.put(*key, shard, now + settings_.expire);
    return;
  }
  const auto ours = feed_.find(*key);
  if (!ours) {
    ++counters_.adopted;
    if (tells()) expect(*key, spelling, shard);
    listener_.adopt(*key, shard);
    // A lesson may be long.
    if (expected_.size() >= kMaxExpected / 2) pull(now);
  } else if (ours->shard == shard) {
    agreed(*key, spelling, now);
  } else {
    contradicted(*key, spelling, *ours, learned, now);
  }
}

bool Beside::only_a_hint(std::string_view spelling, std::string_view key) const {
  if (may_be_cut(spelling, settings_.key_length)) return true;
  return settings_.form == KeyForm::room && tenants_.contains(key);
}

void Beside::agreed(std::string_view key, std::string_view spelling, TimePoint now) {
  if (Row* row = rows_.find(spelling); row != nullptr && row->key == key) return rows_.confirmed(*row, now);
  const auto at = rooms_.find(key);
  if (at == rooms_.end()) return;
  auto& [known, room] = *at;
  if (add_spelling(known, room, spelling)) say_spelling(spelling, known, room, false, now);
}

void Beside::contradicted(const std::string& key, std::string_view spelling, const Feed::Known& ours,
                          const Learned& learned, TimePoint now) {
  ++counters_.refused;
  const auto at = rooms_.find(key);
  if (!ours.ours || at == rooms_.end()) return;
  switch (disputes_.contradicted(key, now)) {
    case Disputes::Answer::say_again: break;
    case Disputes::Answer::alarm:
      ++counters_.alarms;
      LOG(warn, "haproxy_insists", {"peer", learned.peer}, {"server", learned.server_key},
          {"shard", ours.shard}, {"hint", "it names another shard for a room again and again"});
      return;
    case Disputes::Answer::not_now: return;
  }
  auto& [known, room] = *at;
  const bool can_be_said = rows_.find(spelling) != nullptr || add_spelling(known, room, spelling);
  if (!can_be_said || servers_.spoken(room.shard) == nullptr) return;
  ++counters_.said_again;
  say_spelling(spelling, known, room, true, now);
}

}  // namespace roomgate::peers_sync::haproxy
