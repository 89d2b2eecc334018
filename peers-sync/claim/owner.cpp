#include "peers-sync/claim/owner.hpp"

#include <algorithm>
#include <tuple>

#include "peers-sync/claim/status.hpp"

namespace roomgate::peers_sync::claim {
namespace {

// Rule 14: a creation time further ahead is a wrong clock's.
constexpr Duration kAhead = seconds(60);
// Before two homes of a room are judged without those who are not yet in the view.
constexpr Duration kWaitForOthers = seconds(1);
// Between two looks at what waits, as long as nothing says that they would find more.
constexpr Duration kLook = milliseconds(10);

Answer refuse(Refusal refusal) { return {.outcome = {.refusal = refusal}}; }

}  // namespace

bool Owner::owns(std::string_view key) const {
  const View& view = membership_.view();
  return !view.empty() && view[owner_of(view, key)] == membership_.self();
}

// A gate may ask for `max_claims` at once, as it does when it was waiting for an owner, and then by its rate.
bool Owner::affords(Asker& asker, TimePoint now) const {
  const Duration each = Duration(seconds(1)) / static_cast<Duration::rep>(options_.asks_per_second);
  const Duration at_once = each * static_cast<Duration::rep>(options_.max_claims);
  const TimePoint paid = std::max(asker.paid, now) + each;
  if (paid > now + at_once) return false;
  asker.paid = paid;
  return true;
}

std::uint64_t Owner::dropped(LifeIndex gate) const {
  const auto at = askers_.find(gate);
  return at == askers_.end() ? 0 : at->second.dropped;
}

void Owner::take(Ask ask, LifeIndex from, TimePoint now) {
  if (Asker& asker = askers_[from]; from != kSelf && !affords(asker, now)) {
    ++asker.dropped;
    return;
  }
  if (!owns(ask.key)) {
    // Rule 3: once to the owner as we see it, never decided. The asker asks again, if that was wrong too.
    const View& view = membership_.view();
    if (view.empty() || ask.relayed || from == kSelf) return;
    ask.relayed = true;
    links_.send(book_.life(view[owner_of(view, ask.key)]), kAsk, encode(ask, now), now);
    return;
  }
  if (!membership_.may_decide(now)) return wait(std::move(ask), from, now);
  if (auto answer = decide(ask, now)) {
    answer->id = ask.id;
    answers_.emplace_back(Waiting{std::move(ask), from, now}, std::move(*answer));
  } else {
    wait(std::move(ask), from, now);
  }
}

void Owner::wait(Ask ask, LifeIndex from, TimePoint now) {
  auto& waiting = askers_[from].waiting;
  if (waiting.size() >= options_.max_claims) return;
  const auto key = std::pair(ask.asker, ask.id);
  const TimePoint until = now + ask.time_left;
  waiting.try_emplace(key, Waiting{std::move(ask), from, until});
}

// Those who ask will ask whoever is the owner then.
void Owner::view_changed() {
  for (auto& [gate, asker] : askers_) asker.waiting.clear();
}

void Owner::tick(TimePoint now) {
  if (!membership_.may_decide(now)) {
    could_decide_ = false;
    if (now - looked_at_ < kLook) return;
    looked_at_ = now;
    for (auto& [gate, asker] : askers_) {
      std::erase_if(asker.waiting, [&](const auto& one) { return one.second.until <= now; });
    }
    return;
  }
  judge_conflicts(now);
  // With a full table most of what waits goes on waiting: not looked at anew with each packet that comes.
  if (std::exchange(could_decide_, true) && is_full() && now - looked_at_ < kLook) return;
  looked_at_ = now;
  work(now);
}

void Owner::work(TimePoint now) {
  waits_for_room_ = 0;
  for (auto& [gate, asker] : askers_) {
    for (auto at = asker.waiting.begin(); at != asker.waiting.end();) {
      Waiting& waiting = at->second;
      auto answer = decide(waiting.ask, now);
      if (!answer && now + milliseconds(100) >= waiting.until) answer = refuse(Refusal::table_full);
      if (!answer) {
        ++waits_for_room_;
        ++at;
        continue;
      }
      answer->id = waiting.ask.id;
      answers_.emplace_back(std::move(waiting), std::move(*answer));
      at = asker.waiting.erase(at);
    }
  }
}

TimePoint Owner::next() const {
  // What waits here waits for something that wakes the node anyway, or for its end.
  return TimePoint::max();
}

void Owner::answer(TimePoint now) {
  auto answers = std::exchange(answers_, {});
  for (auto& [waiting, answer] : answers) {
    if (waiting.from == kSelf) {
      own_(std::move(answer), now);
    } else if (membership_.is_live(waiting.ask.asker, now)) {
      links_.send(book_.life(waiting.ask.asker), kAnswer, encode(answer, now), now);
    }
  }
}

// --- Decisions. Here we are the owner, and may decide.

std::optional<Answer> Owner::decide(const Ask& ask, TimePoint now) {
  switch (ask.kind) {
    case Ask::Kind::claim: return claim(ask, now);
    case Ask::Kind::elsewhere: return elsewhere(ask, now);
    case Ask::Kind::settle: return settle(ask, now);
    case Ask::Kind::move: return move(ask, now);
    case Ask::Kind::forget: return forget(ask, now);
  }
  return std::nullopt;
}

std::optional<Answer> Owner::claim(const Ask& ask, TimePoint now) {
  Room* known = book_.find(ask.key);
  const bool newer = ask.known && known != nullptr && ask.known->generation > known->generation;
  if (known != nullptr && known->has_home() && !newer) {
    if (known->conflict) judge(*known, now);
    // Somebody wants it: it is not released.
    known->releasing = false;
    record_.take_back(*known);
    book_.used(*known, now);
    return Answer{.outcome = {.home = book_.home_of(*known)}};
  }
  const bool page = ask.use == Use::page && !ask.known;
  const auto provisional_limit = static_cast<double>(membership_.table_limit()) * options_.provisional_share;
  if (page && static_cast<double>(book_.provisionals()) >= provisional_limit) {
    return refuse(Refusal::page_full);
  }
  if (is_full() && !newer) {
    if (hopeless_) return refuse(Refusal::table_full);
    return std::nullopt;
  }
  const std::uint64_t generation = known == nullptr ? 0 : known->generation;
  Home home;
  if (ask.known) {
    home = *ask.known;
    // HAProxy's word has none; another's may be older than the name's release.
    if (home.generation == 0) home.generation = generation + 1;
    if (home.generation <= generation) return refuse(Refusal::stay);
    if (home.created > now + kAhead) {
      home.created = now;
      ++clamped_;
    }
  } else {
    const auto chosen = choose(ask, {}, now);
    if (!chosen) return Answer{.say_more = true};
    if (chosen->kind == Host::Chosen::Kind::none) return refuse(Refusal::no_shard);
    home = {.shard = chosen->shard,
            .generation = generation + 1,
            .created = now,
            .provisional = page,
            .placed = chosen->placed,
            .region = chosen->region};
  }
  Room& room = book_.make(ask.key);
  record_.say_entry(room, home, now);
  book_.used(room, now);
  return Answer{.outcome = {.home = book_.home_of(room), .created = true}};
}

// nullopt: the asker has to say more.
std::optional<Host::Chosen> Owner::choose(const Ask& ask, std::string_view from, TimePoint now) {
  const Host::Placement placement{
      .key = ask.key, .wish = ask.wish, .from = from, .by_hash = !membership_.missing(now).empty()};
  auto chosen = host_.choose(placement, now);
  if (chosen.kind == Host::Chosen::Kind::say_more) return std::nullopt;
  if (chosen.kind == Host::Chosen::Kind::shard && (chosen.shard.empty() || chosen.shard.size() > kMaxName)) {
    chosen.kind = Host::Chosen::Kind::none;
  }
  return chosen;
}

Answer Owner::elsewhere(const Ask& ask, TimePoint now) {
  Room* room = book_.find(ask.key);
  if (room == nullptr || !room->has_home()) return refuse(Refusal::stay);
  room->releasing = false;
  record_.take_back(*room);
  Answer answer{.outcome = {.home = book_.home_of(*room)}};
  if (book_.shard_of(*room) != ask.from) return answer;  // it has moved already: there
  if (!may_move(*room, ask, now)) {
    answer.outcome.refusal = Refusal::stay;
    return answer;
  }
  const auto chosen = choose(ask, ask.from, now);
  if (!chosen) return {.say_more = true};
  if (chosen->kind == Host::Chosen::Kind::none || chosen->shard == ask.from) {
    answer.outcome.refusal = Refusal::no_shard;
    return answer;
  }
  answer.outcome.candidate = true;
  answer.outcome.home.shard = chosen->shard;
  answer.outcome.home.placed = chosen->placed;
  answer.outcome.home.region = chosen->region;
  return answer;
}

Answer Owner::settle(const Ask& ask, TimePoint now) {
  Room* room = book_.find(ask.key);
  if (room == nullptr || !room->has_home()) return refuse(Refusal::stay);
  Answer answer{.outcome = {.home = book_.home_of(*room)}};
  if (book_.shard_of(*room) != ask.from || ask.to.empty()) return answer;
  if (!may_move(*room, ask, now)) {
    answer.outcome.refusal = Refusal::stay;
    return answer;
  }
  Home home = book_.home_of(*room);
  home.shard = ask.to;
  home.placed = ask.placed;
  ++home.generation;
  record_.say_entry(*room, home, now);
  book_.used(*room, now);
  return {.outcome = {.home = home, .moved = true}};
}

Answer Owner::move(const Ask& ask, TimePoint now) {
  Room* room = book_.find(ask.key);
  if (room == nullptr || !room->has_home() || ask.to.empty()) return refuse(Refusal::stay);
  if (book_.shard_of(*room) == ask.to) return {.outcome = {.home = book_.home_of(*room)}};
  Home home = book_.home_of(*room);
  home.shard = ask.to;
  home.placed = ask.placed;
  ++home.generation;
  record_.say_entry(*room, home, now);
  return {.outcome = {.home = home, .moved = true}};
}

Answer Owner::forget(const Ask& ask, TimePoint now) {
  Room* room = book_.find(ask.key);
  if (room == nullptr || !room->has_home()) return refuse(Refusal::stay);
  const Home home = book_.home_of(*room);
  record_.say_tombstone(*room, true, now);
  return {.outcome = {.home = home}};
}

// Rule 13.
bool Owner::may_move(const Room& room, const Ask& ask, TimePoint now) {
  if (!options_.rules.majority_moves) return true;
  if (!in_use_elsewhere(room, ask, now)) return true;
  return majority_sees_down(ask.from, now) && !host_.in_panic(now);
}

bool Owner::in_use_elsewhere(const Room& room, const Ask& ask, TimePoint now) {
  if (ask.was_in_use) return true;
  // The request that failed is a hold of the asker's.
  const auto asker = book_.find_life(ask.asker);
  if (book_.held(room, now, asker.value_or(kNobody))) return true;
  const auto people = host_.participants(room.key, book_.shard_of(room));
  return people && *people > 0;
}

bool Owner::majority_sees_down(std::string_view shard, TimePoint now) {
  const std::uint32_t hash = short_hash(shard);
  std::size_t all = 1;
  std::size_t down = host_.sees_down(shard) ? 1 : 0;
  for (const GateId& gate : membership_.live(now)) {
    const auto& said = membership_.status_of(gate.name)->shards_down;
    ++all;
    if (std::find(said.begin(), said.end(), hash) != said.end()) ++down;
  }
  return down * 2 > all;
}

// --- Two homes of one generation.

void Owner::judge_conflicts(TimePoint now) {
  std::erase_if(split_since_, [&](const auto& one) { return !book_.conflicts().contains(one.first); });
  if (book_.conflicts().empty()) return;
  std::vector<RoomId> ours;
  for (const auto& [id, others] : book_.conflicts()) {
    if (owns(book_.room(id).key)) ours.push_back(id);
  }
  for (const RoomId id : ours) judge(book_.room(id), now);
}

// Rule 10. Once all who are here are in the view, so that their holds are known; but that may take long, and
// meanwhile people are sent to two places.
void Owner::judge(Room& room, TimePoint now) {
  const TimePoint since = split_since_.try_emplace(room.id, now).first->second;
  const View& view = membership_.view();
  const auto live = membership_.live(now);
  const bool all_here = std::all_of(live.begin(), live.end(), [&](const GateId& gate) {
    return std::binary_search(view.begin(), view.end(), gate);
  });
  if (!all_here && now - since < kWaitForOthers) return;
  std::vector<Home> homes = book_.conflicts().at(room.id);
  homes.push_back(book_.home_of(room));
  const auto rank = [&](const Home& home) {
    const std::uint32_t hash = short_hash(home.shard);
    const bool held = std::any_of(room.holders.begin(), room.holders.end(), [&](const Holder& holder) {
      return holder.shard == hash && book_.counts(holder, now);
    });
    const auto people = static_cast<std::int64_t>(host_.participants(room.key, home.shard).value_or(0));
    // The least is the best.
    return std::tuple(!(held || people > 0), -people, home.created, home.shard);
  };
  Home winner = *std::min_element(homes.begin(), homes.end(),
                                  [&](const Home& a, const Home& b) { return rank(a) < rank(b); });
  ++winner.generation;
  record_.say_entry(room, winner, now);
}

}  // namespace roomgate::peers_sync::claim
