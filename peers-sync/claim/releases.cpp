#include "peers-sync/claim/releases.hpp"

#include <algorithm>
#include <tuple>

namespace roomgate::peers_sync::claim {

// --- Who is asked.

void Releases::take(LifeIndex from, const Release& release, TimePoint now) {
  Released answer{.round = release.round};
  for (const auto& name : release.names) answer.used.push_back(is_used(name, now));
  links_.send(from, kReleased, encode(answer), now);
}

// If not, our copy is given back, and from now on the owner is asked.
bool Releases::is_used(const Release::Name& name, TimePoint now) {
  Room* room = book_.find(name.key);
  if (room == nullptr || !room->has_home() || room->generation < name.generation) return false;
  if (room->generation > name.generation || asks_for_(name.key)) return true;
  if (!room->provisional && book_.held(*room, now)) return true;
  if (!room->given_back && !host_.give_back(name.key, now)) return true;
  room->given_back = true;
  return false;
}

// --- The owner.

void Releases::take(LifeIndex from, const Released& released, TimePoint now) {
  const auto at = rounds_.find(released.round);
  if (at == rounds_.end()) return;
  Round& round = at->second;
  if (released.used.size() != round.names.size() || round.missing.erase(from) == 0) return;
  for (std::size_t i = 0; i < round.names.size(); ++i) {
    if (!released.used[i]) continue;
    round.names[i].off = true;
    Room& room = book_.room(round.names[i].room);
    if (room.generation == round.names[i].generation) book_.used(room, now);
  }
  if (round.missing.empty()) {
    end(round, now);
    rounds_.erase(at);
  }
}

void Releases::view_changed() {
  for (auto& [number, round] : rounds_) call_off(round);
  rounds_.clear();
}

void Releases::tick(TimePoint now) {
  for (auto at = rounds_.begin(); at != rounds_.end();) {
    if (at->second.until > now) {
      ++at;
      continue;
    }
    call_off(at->second);
    at = rounds_.erase(at);
  }
  if (now >= look_at_) look(now);
}

TimePoint Releases::next() const {
  TimePoint next = look_at_;
  for (const auto& [number, round] : rounds_) next = std::min(next, round.until);
  return next;
}

void Releases::look(TimePoint now) {
  const double limit = static_cast<double>(membership_.table_limit()) * limits_.full;
  const bool full = static_cast<double>(book_.homes()) >= limit;
  look_at_ = now + (full ? limits_.pause_full : limits_.pause);
  if (place_ == 0) {
    could_go_ = 0;
    full_pass_ = full;
  }
  const std::size_t step = std::max(limits_.least, book_.slots() / limits_.parts + 1);
  const std::size_t end = std::min(book_.slots(), place_ + step);
  const bool decides = membership_.may_decide(now) && rounds_.size() < limits_.rounds;
  std::vector<RoomId> going;
  std::vector<RoomId> could_go;
  for (std::size_t at = place_; at < end; ++at) {
    const auto id = static_cast<RoomId>(at);
    if (!book_.is_room(id) || book_.tidy(id, now)) continue;
    const Room& room = book_.room(id);
    if (!is_unused(room, now)) continue;
    ++could_go_;
    // Who was just given its home holds it in a moment; who waits for a place waits those moments, too.
    if (now - room.last_use < limits_.fresh) continue;
    if (!decides || room.releasing || !owner_.owns(room.key)) continue;
    if (is_idle(room, now)) {
      going.push_back(id);
    } else if (full) {
      could_go.push_back(id);
    }
  }
  if (full) {
    // Provisional ones first, then the longest idle.
    const auto wanted = static_cast<std::size_t>(static_cast<double>(book_.homes()) - limit) + 1;
    const std::size_t share = std::min(could_go.size(), wanted * step / std::max(book_.slots(), step) + 1);
    const auto first = [&](RoomId a, RoomId b) {
      const auto rank = [&](const Room& room) { return std::tuple(!room.provisional, room.last_use); };
      return rank(book_.room(a)) < rank(book_.room(b));
    };
    std::partial_sort(could_go.begin(), could_go.begin() + static_cast<std::ptrdiff_t>(share), could_go.end(),
                      first);
    could_go.resize(share);
    going.insert(going.end(), could_go.begin(), could_go.end());
  }
  place_ = end;
  if (place_ >= book_.slots()) {
    place_ = 0;
    owner_.set_hopeless(full && full_pass_ && could_go_ == 0);
  }
  begin(going, now);
}

bool Releases::is_unused(const Room& room, TimePoint now) const {
  if (!room.has_home() || room.conflict) return false;
  // Without rule 11 we go by our own gate alone.
  if (!options_.rules.release_by_all) return room.holder(kSelf) == nullptr;
  if (book_.held(room, now)) return false;
  const auto people = host_.participants(room.key, book_.shard_of(room));
  return !people || *people == 0;
}

bool Releases::is_idle(const Room& room, TimePoint now) const {
  if (room.provisional) return now - room.since > options_.provisional_life;
  return now - room.last_use > options_.idle;
}

void Releases::begin(const std::vector<RoomId>& rooms, TimePoint now) {
  std::vector<LifeIndex> others;
  for (const GateId& gate : membership_.live(now)) others.push_back(book_.life(gate));
  if (!options_.rules.release_by_all) others.clear();
  std::size_t at = 0;
  while (at < rooms.size() && rounds_.size() < limits_.rounds) {
    Round round{.asked = {others.begin(), others.end()},
                .missing = {others.begin(), others.end()},
                .until = now + limits_.patience,
                .view = membership_.view_count()};
    Release release{.round = ++last_round_};
    std::size_t bytes = 0;
    for (; at < rooms.size() && round.names.size() < limits_.names && bytes < kFullPacket - kMaxKey; ++at) {
      Room& room = book_.room(rooms[at]);
      if (!host_.give_back(room.key, now)) {
        book_.used(room, now);
        continue;
      }
      room.given_back = room.releasing = true;
      round.names.push_back({room.id, room.generation});
      release.names.push_back({room.key, room.generation});
      bytes += room.key.size() + 16;
    }
    if (round.names.empty()) continue;
    if (others.empty()) {
      end(round, now);
      continue;
    }
    const std::string body = encode(release);
    for (const LifeIndex gate : others) links_.send(gate, kRelease, body, now);
    rounds_.emplace(last_round_, std::move(round));
  }
}

// Everybody has given it back, in one view, and nobody has come since.
void Releases::end(Round& round, TimePoint now) {
  bool well = membership_.may_decide(now) && membership_.view_count() == round.view;
  if (options_.rules.release_by_all) {
    for (const GateId& gate : membership_.live(now)) well = well && round.asked.contains(book_.life(gate));
  }
  for (Name& name : round.names) {
    Room& room = book_.room(name.room);
    const bool same = room.has_home() && room.generation == name.generation && room.releasing;
    if (!well || !same || name.off) continue;
    if (options_.rules.release_by_all && book_.held(room, now)) continue;
    record_.say_tombstone(room, false, now);
  }
  call_off(round);
}

// What is still there is used again.
void Releases::call_off(Round& round) {
  for (const Name& name : round.names) {
    Room& room = book_.room(name.room);
    if (!room.has_home() || room.generation != name.generation) continue;
    room.releasing = false;
    record_.take_back(room);
  }
}

}  // namespace roomgate::peers_sync::claim
