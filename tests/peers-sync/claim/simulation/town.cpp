#include "tests/peers-sync/claim/simulation/town.hpp"

#include <algorithm>

#include "peers-sync/claim/gate_id.hpp"

namespace roomgate::peers_sync::claim::simulation {
namespace {

// What was said reaches all who are in touch by then, over a network that loses and delays.
constexpr Duration kSettled = seconds(2);
// An operator's word may wait behind a partition.
constexpr Duration kOperated = seconds(60);
World::Index gates_of(Town::Profile profile, std::uint64_t seed) {
  if (profile != Town::Profile::mixed) return 3 + seed % 2;
  return seed % 60 == 0 ? 9 : 2 + seed % 4;
}

std::optional<World::Network> network_of(Town::Profile profile) {
  switch (profile) {
    case Town::Profile::mixed: return std::nullopt;
    case Town::Profile::heirs:
      // What one says and what it says next come in any order, or not.
      return World::Network{.low = milliseconds(1),
                            .high = milliseconds(20),
                            .jitter = milliseconds(40),
                            .loss = 0.2,
                            .in_order = false};
    case Town::Profile::brink:
      return World::Network{.low = milliseconds(20), .high = milliseconds(300), .jitter = milliseconds(50)};
  }
  return std::nullopt;
}

// Rooms of HAProxy's: before there is a claim each gate may have another value; that is HAProxy's race.
bool is_foreign(const std::string& key) { return key.starts_with("foreign"); }

}  // namespace

Town::Town(std::uint64_t seed, Rules rules, bool verbose, Profile profile)
    : rules_(rules),
      profile_(profile),
      world_(
          {.seed = seed,
           .gates = gates_of(profile, seed),
           .verbose = verbose,
           .network = network_of(profile)},
          [this](Index index, std::uint64_t life, TimePoint now, bool with_table) {
            NodeOptions options = options_;
            options.name = world_.name(index);
            options.life = life;
            options.seed = random_.number();
            return std::make_unique<Gate>(world_, *this, index, options,
                                          with_table ? saved_[index] : Gate::Table{}, now);
          },
          [this](Index index) { observe(index); }),
      chaos_(world_, profile != Profile::mixed),
      random_(seed ^ 0x746f776e) {
  options_.rules = rules;
  // A day in a minute.
  options_.idle = random_.between(milliseconds(1500), seconds(random_.chance(0.5) ? 4 : 20));
  options_.recent = std::min<Duration>(options_.idle / 3, seconds(5));
  options_.provisional_life = seconds(6);
  options_.reconnect_grace = seconds(8);
  options_.tombstone_life = seconds(120);
  for (std::size_t i = 0; i < 2 + random_.below(4); ++i) {
    shards_.push_back({.name = "shard-" + std::to_string(i + 1),
                       .cut_off = std::vector<bool>(world_.size()),
                       .seen_down = std::vector<bool>(world_.size())});
  }
  for (std::size_t i = 0; i < 4 + random_.below(12); ++i) keys_.push_back("room" + std::to_string(i));
  if (random_.chance(0.3)) keys_.insert(keys_.end(), {"foreign1", "foreign2"});
  pace_ = random_.between(milliseconds(20), milliseconds(800));
  if (random_.chance(0.5)) wrong_checks_ = 0.05 * random_.fraction();
  if (random_.chance(0.5)) operators_ = 0.05 * random_.fraction();
  if (profile_ == Profile::mixed) return;
  options_.lease = profile_ == Profile::heirs ? seconds(1) : seconds(2);
  // A tenth of it is what a gate keeps to between its own use and the owner's release.
  options_.idle = seconds(5);
  options_.recent = milliseconds(1500);
  while (shards_.size() < 4) {
    shards_.push_back({.name = "shard-" + std::to_string(shards_.size() + 1),
                       .cut_off = std::vector<bool>(world_.size()),
                       .seen_down = std::vector<bool>(world_.size())});
  }
  keys_.clear();
}

std::string Town::run() {
  chaos_.begin();
  switch (profile_) {
    case Profile::mixed: live(); break;
    case Profile::heirs: inherit(); break;
    case Profile::brink:
      for (int i = 0; i < 8; ++i) use_late(keys_.emplace_back("room" + std::to_string(i)));
      break;
  }
  spread_knowledge();
  for (int i = 0; i < 40 && wrong_.empty(); ++i) world_.run(seconds(1));
  over_ = true;
  chaos_.end();
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    shards_[i].alive = true;
    shards_[i].cut_off.assign(world_.size(), false);
    see_shards(i);
  }
  for (int i = 0; i < 300 && wrong_.empty() && !is_agreed(); ++i) world_.run(milliseconds(100));
  if (wrong_.empty() && !is_agreed()) fail("the gates do not come together:" + states());
  if (wrong_.empty()) world_.run(seconds(2));
  if (wrong_.empty()) check_end();
  return wrong_;
}

// --- Shards.

std::vector<std::string> Town::shards() const {
  std::vector<std::string> names;
  for (const Shard& shard : shards_) names.push_back(shard.name);
  return names;
}

Town::Shard& Town::shard(const std::string& name) {
  return *std::find_if(shards_.begin(), shards_.end(),
                       [&](const Shard& shard) { return shard.name == name; });
}
const Town::Shard& Town::shard(const std::string& name) const {
  return *std::find_if(shards_.begin(), shards_.end(),
                       [&](const Shard& shard) { return shard.name == name; });
}

bool Town::sees_down(Index gate, const std::string& name) const { return shard(name).seen_down[gate]; }

std::optional<std::size_t> Town::participants(std::string_view key, std::string_view name) const {
  const auto people = std::count_if(tunnels_.begin(), tunnels_.end(), [&](const auto& one) {
    return one.second.key == key && one.second.shard == name;
  });
  if (!shard(std::string(name)).alive) return std::nullopt;
  return static_cast<std::size_t>(people);
}

// A gate's checks see what is so some time later, each at another.
void Town::see_shards(std::size_t which) {
  for (Index i = 0; i < world_.size(); ++i) {
    world_.after(random_.between(milliseconds(50), milliseconds(1500)), [this, which, i] {
      Shard& it = shards_[which];
      const bool down = !it.alive || it.cut_off[i];
      if (it.seen_down[i] == down) return;
      it.seen_down[i] = down;
      if (world_.verbose()) world_.log(i, "sees " + it.name + (down ? " down" : " up"));
      world_.in_process(i, [](Program& program, TimePoint now) {
        static_cast<Gate&>(program).node().shards_down_changed(now);
      });
    });
  }
}

void Town::shards_change() {
  const std::size_t which = random_.below(shards_.size());
  Shard& it = shards_[which];
  if (random_.chance(0.4)) {
    it.alive = !it.alive;
    if (world_.verbose()) world_.log(0, it.name + (it.alive ? " lives" : " is dead"));
    if (!it.alive) {
      std::vector<std::uint64_t> there;
      for (const auto& [id, tunnel] : tunnels_) {
        if (tunnel.shard == it.name) there.push_back(id);
      }
      for (const std::uint64_t id : there) leave(id, true);
    }
  } else {
    const Index one = random_.below(world_.size());
    it.cut_off[one] = !it.cut_off[one];
  }
  see_shards(which);
}

// --- People.

void Town::live() {
  world_.after(random_.between(Duration{0}, pace_ * 2), [this] {
    if (over_) return;
    meet(random_.one_of(keys_));
    if (random_.chance(0.1)) come_back(random_.one_of(keys_), options_.idle * 8 / 10);
    if (random_.chance(wrong_checks_)) shards_change();
    if (random_.chance(operators_)) operate();
    if (random_.chance(0.05)) {
      const Index index = some_gate();
      const std::string shard = random_.one_of(shards());
      world_.in_process(index, [this, shard](Program& program, TimePoint now) {
        static_cast<Gate&>(program).node().adopt("foreign1",
                                                 {.shard = shard, .generation = 0, .created = now}, now);
        (void)this;
      });
    }
    live();
  });
  if (random_.chance(0.2)) check_tables();
}

// Some at once, through gates that do not know of each other's.
void Town::meet(const std::string& key) {
  const Use use = random_.chance(0.85) ? Use::signalling : Use::page;
  for (std::size_t people = 1 + random_.below(4); people > 0; --people) {
    world_.after(random_.between(Duration{0}, milliseconds(20)),
                 [this, key, use] { ask(some_gate(), key, use); });
  }
}

World::Index Town::some_gate() { return random_.below(world_.size()); }

void Town::ask(Index index, const std::string& key, Use use) {
  world_.in_process(index, [this, index, key, use](Program& program, TimePoint now) {
    auto done = std::make_shared<bool>(false);
    watch_claim(index, done, key);
    static_cast<Gate&>(program).request(
        key, use,
        [this, index, key, use, done](const Outcome& outcome) {
          if (*done) fail("a claim has two outcomes");
          *done = true;
          answered(index, key, use, outcome);
        },
        now);
  });
}

void Town::answered(Index index, const std::string& key, Use use, const Outcome& outcome) {
  if (outcome.refusal != Refusal::none) return;
  check_answer(index, key, outcome.home);
  if (use == Use::page || over_) return;
  // The answer itself is in an event of that process: what follows is another.
  world_.after(
      random_.between(Duration{0}, milliseconds(100)),
      [this, index, life = world_.life(index), key, outcome] { connect(index, life, key, outcome, 2); });
}

void Town::connect(Index index, std::uint64_t life, const std::string& key, const Outcome& outcome,
                   int tries) {
  // The request has ended with its process.
  if (!world_.exists(index) || world_.life(index) != life) return;
  const std::string name = outcome.home.shard;
  const Shard& it = shard(name);
  if (it.alive && !it.cut_off[index]) {
    if (!outcome.candidate) return enter(index, key, outcome.home);
    world_.in_process(index, [this, index, life, key, outcome, name](Program& program, TimePoint now) {
      static_cast<Gate&>(program).settle(
          key, outcome.home.region, outcome,
          [this, index, life, key](const Outcome& settled) {
            if (settled.refusal != Refusal::none) return;
            check_answer(index, key, settled.home);
            world_.after(milliseconds(1),
                         [this, index, life, key, settled] { connect(index, life, key, settled, 0); });
          },
          now);
    });
    return;
  }
  if (tries == 0 || outcome.candidate) return;
  world_.in_process(index, [this, index, life, key, name, tries](Program& program, TimePoint now) {
    static_cast<Gate&>(program).elsewhere(
        key, name,
        [this, index, life, key, name, tries](const Outcome& answer) {
          if (answer.refusal != Refusal::none) return;
          if (!answer.candidate) check_answer(index, key, answer.home);
          Outcome next = answer;
          if (answer.candidate) next.home.region = name;  // where it came from, for settle
          world_.after(milliseconds(1),
                       [this, index, life, key, next, tries] { connect(index, life, key, next, tries - 1); });
        },
        now);
  });
}

void Town::enter(Index index, const std::string& key, const Home& home) {
  if (!world_.exists(index) || nobody_stays_.contains(key) || random_.chance(0.3)) return;
  const std::uint64_t id = ++last_tunnel_;
  const Duration answered = world_.now();
  world_.in_process(index, [this, index, key, home, id, answered](Program& program, TimePoint) {
    static_cast<Gate&>(program).open_tunnel(key);
    Tunnel& tunnel = tunnels_[id] = {key, home.shard, home.generation, index, answered};
    // The room has moved while they were on their way.
    const auto entry = static_cast<Gate&>(program).table().find(key);
    if (entry == static_cast<Gate&>(program).table().end() || entry->second.generation <= home.generation ||
        entry->second.shard == home.shard) {
      return;
    }
    tunnel.closing = true;
    world_.after(milliseconds(1), [this, id] { leave(id, !over_); });
  });
  const bool brink = profile_ == Profile::brink;
  world_.after(random_.between(brink ? seconds(3) : milliseconds(100), seconds(brink ? 5 : 12)),
               [this, id] { leave(id, random_.chance(0.2)); });
}

void Town::leave(std::uint64_t id, bool comes_back) {
  const auto at = tunnels_.find(id);
  if (at == tunnels_.end()) return;
  const Tunnel tunnel = at->second;
  // A stopped process notices the end of a connection when it goes on.
  world_.in_process(tunnel.gate, [this, key = tunnel.key](Program& program, TimePoint now) {
    static_cast<Gate&>(program).close_tunnel(key, now);
  });
  tunnels_.erase(at);
  if (comes_back) come_back(tunnel.key, random_.between(milliseconds(1), seconds(1)));
}

void Town::come_back(const std::string& key, Duration after) {
  world_.after(random_.between(after, after + milliseconds(400)), [this, key] {
    if (!over_) ask(some_gate(), key, Use::signalling);
  });
}

void Town::operate() {
  const Index index = some_gate();
  if (!world_.exists(index)) return;
  const std::string key = random_.one_of(keys_);
  const std::string to = random_.one_of(shards());
  const std::size_t what = random_.below(3);
  world_.in_process(index, [this, key, to, what](Program& program, TimePoint now) {
    Node& node = static_cast<Gate&>(program).node();
    // Never all of them.
    const bool drain = to != shards_.front().name && random_.chance(0.4);
    if (what == 0) return node.say("shard-state/" + to, drain ? "drain" : "", now);
    operated_at_[key] = world_.now();
    if (what == 1)
      return node.move(
          key, to, 0, [](const Outcome&) {}, now);
    node.forget(
        key, [](const Outcome&) {}, now);
  });
}

// --- What one rule is for.

World::Index Town::owner_among_all(const std::string& key, std::optional<Index> but) const {
  View view;
  for (Index i = 0; i < world_.size(); ++i) {
    if (i != but) view.push_back({world_.name(i), world_.life(i)});
  }
  return world_.index(view[owner_of(view, key)].name);
}

// Each time a new room, when all is well.
void Town::inherit() {
  world_.after(milliseconds(200), [this] {
    if (over_) return;
    if (!all_in_touch()) return inherit();
    inherit(keys_.emplace_back("room" + std::to_string(keys_.size())));
  });
}

void Town::inherit(const std::string& key) {
  const Index owner = owner_among_all(key);
  const Index heir = owner_among_all(key, owner);
  Index asker = some_gate();
  while (asker == owner || asker == heir) asker = some_gate();
  world_.cut(owner, heir, true);
  if (random_.chance(0.5)) world_.cut(heir, owner, true);
  const Duration asked = random_.between(milliseconds(1), milliseconds(100));
  const Duration died = asked + random_.between(milliseconds(20), milliseconds(300));
  world_.after(asked, [this, asker, key] { ask(asker, key, Use::signalling); });
  world_.after(died, [this, owner] {
    if (!over_) world_.kill(owner, random_.chance(0.3));
  });
  // Somebody always waits at the one who decides next.
  for (Duration at = died; at < died + seconds(5);
       at += random_.between(milliseconds(50), milliseconds(300))) {
    world_.after(at, [this, heir, key] {
      if (!over_) ask(heir, key, Use::signalling);
    });
  }
  world_.after(died + seconds(5), [this, owner, heir] {
    if (over_) return;
    world_.cut(owner, heir, false);
    world_.cut(heir, owner, false);
    world_.start(owner, random_.chance(0.5));
    inherit();
  });
}

// Used, idle almost long enough, used again by a gate that the owner does not hear then; and right after that
// somebody comes elsewhere.
void Town::use_late(const std::string& key) {
  const Index owner = owner_among_all(key);
  Index user = some_gate();
  while (user == owner) user = some_gate();
  Index other = some_gate();
  while (other == user) other = some_gate();
  const Duration first = random_.between(seconds(1), seconds(4));
  const Duration again = first + options_.idle * 85 / 100 + random_.between(Duration{0}, options_.idle / 5);
  const Duration deaf = random_.between(milliseconds(1), milliseconds(50));
  world_.after(first, [this, user, key] {
    nobody_stays_.insert(key);
    ask(user, key, Use::signalling);
  });
  world_.after(again - deaf, [this, user, owner] { world_.cut(user, owner, !over_); });
  world_.after(again, [this, user, key] {
    nobody_stays_.erase(key);
    ask(user, key, Use::signalling);
  });
  world_.after(again + random_.between(milliseconds(800), milliseconds(2500)),
               [this, user, owner] { world_.cut(user, owner, false); });
  for (int i = 0; i < 3; ++i) {
    world_.after(again + random_.between(milliseconds(1000), milliseconds(2800)), [this, other, key] {
      if (!over_) ask(other, key, Use::signalling);
    });
  }
  world_.after(again + seconds(8), [this, key] {
    if (!over_) use_late(key);
  });
}

// --- What gates say.

void Town::put(Index index, const std::string& key, const Home& home) {
  if (world_.verbose()) {
    world_.log(index, "has " + key + " at " + home.shard + ", generation " + std::to_string(home.generation) +
                          (home.provisional ? ", provisional" : ""));
  }
  check_change(index, key, home);
  const auto [at, first] = homes_[key].try_emplace(home.generation, home.shard);
  if (first || at->second == home.shard) return;
  split_at_[key] = world_.now();
  ++splits_;
}

void Town::moved(Index index, const std::string& key, const std::string& from, const Home& to) {
  if (world_.verbose()) world_.log(index, key + " moved from " + from + " to " + to.shard);
  for (auto& [id, tunnel] : tunnels_) {
    if (tunnel.gate != index || tunnel.key != key || tunnel.shard == to.shard || tunnel.closing) continue;
    tunnel.closing = true;
    world_.after(random_.between(Duration{0}, milliseconds(500)),
                 [this, closing = id] { leave(closing, !over_); });
  }
}

// --- What must hold.

void Town::observe(Index index) {
  if (!world_.exists(index)) {
    for (auto& [key, homes] : said_) {
      for (Said& said : homes) said.knowing.erase(lives_[index]);
    }
    lives_.erase(index);
    note_view(index, {});
    // What went through it is cut; people come back through others, all at once.
    std::vector<std::uint64_t> cut;
    for (const auto& [id, tunnel] : tunnels_) {
      if (tunnel.gate == index) cut.push_back(id);
    }
    for (const std::uint64_t id : cut) {
      const std::string key = tunnels_[id].key;
      tunnels_.erase(id);
      come_back(key, random_.between(milliseconds(1), milliseconds(1500)));
    }
    return;
  }
  lives_[index] = world_.program(index);
  saved_[index] = gate(index)->table();
  for (Shard& it : shards_) {
    if (!it.seen_down[index] || !world_.runs(index)) continue;
    std::size_t down = 0;
    const auto with = world_.component(index);
    for (const Index other : with) down += it.seen_down[other] ? 1 : 0;
    if (down * 2 > with.size()) it.majority_at = world_.now();
  }
  if (!world_.runs(index)) return;
  const ReplicaStatus own = gate(index)->node().status(world_.local(index));
  note_view(index, own);
  if (!own.may_decide) return;
  for (Index other = 0; other < world_.size(); ++other) {
    if (other == index || !world_.runs(other)) continue;
    const ReplicaStatus its = gate(other)->node().status(world_.local(other));
    if (!its.may_decide || its.view == own.view) continue;
    const bool overlap = std::any_of(own.view.begin(), own.view.end(), [&](const std::string& name) {
      // One that has just started may be alone while its life before is still in the view of one that it does
      // not know of.
      const bool third = name != world_.name(index) && name != world_.name(other);
      return std::find(its.view.begin(), its.view.end(), name) != its.view.end() &&
             (third || world_.were_together(index, other, world_.now(), world_.now()));
    });
    if (overlap) fail(world_.name(index) + " and " + world_.name(other) + " decide in views that overlap");
  }
}

bool Town::in_touch(Index one, Index other) {
  if (!world_.runs(one) || !world_.runs(other)) return false;
  const auto since = agree_since_.find(std::minmax(one, other));
  return since != agree_since_.end() && world_.now() - since->second >= kSettled &&
         world_.were_together(one, other, world_.now() - kSettled, world_.now());
}

bool Town::all_in_touch() {
  for (Index one = 0; one < world_.size(); ++one) {
    for (Index other = one + 1; other < world_.size(); ++other) {
      if (!in_touch(one, other)) return false;
    }
  }
  return true;
}

// By the gate, which says another home. Not where they were apart since: then neither has to know.
const Town::Teller* Town::contradicted(const Said& said, Index gate) const {
  const auto at = std::find_if(said.tellers.begin(), said.tellers.end(), [&](const Teller& teller) {
    return world_.runs(teller.gate) && world_.life(teller.gate) == teller.life &&
           teller.touched.contains({gate, world_.life(gate)}) &&
           world_.were_together(teller.gate, gate, teller.at, world_.now());
  });
  return at == said.tellers.end() ? nullptr : &*at;
}

void Town::note_view(Index index, const ReplicaStatus& status) {
  std::vector<std::string> view;
  std::size_t with = 0;
  for (const Index other : world_.component(index)) {
    // One that resigned is in no view, and one that has to stay is.
    const bool in_view =
        std::find(status.view.begin(), status.view.end(), world_.name(other)) != status.view.end();
    with += in_view || !world_.leaves(other) ? 1 : 0;
  }
  if (status.may_decide && with == status.view.size()) view = status.view;
  if (view == whole_views_[index]) return;
  whole_views_[index] = view;
  for (Index other = 0; other < world_.size(); ++other) {
    if (other == index) continue;
    const bool agree = !view.empty() && whole_views_[other] == view &&
                       std::find(view.begin(), view.end(), world_.name(other)) != view.end();
    if (agree) {
      agree_since_.try_emplace(std::minmax(index, other), world_.now());
    } else {
      agree_since_.erase(std::minmax(index, other));
    }
  }
}

// Every half second: who has been in touch with one who knows, knows.
void Town::spread_knowledge() {
  std::vector<std::pair<Program*, Program*>> pairs;
  for (Index one = 0; one < world_.size(); ++one) {
    for (Index other = 0; other < world_.size(); ++other) {
      if (one != other && in_touch(one, other))
        pairs.emplace_back(world_.program(one), world_.program(other));
    }
  }
  for (auto& [key, homes] : said_) {
    for (Said& said : homes) {
      if (world_.now() - said.first_at < kSettled) continue;
      const std::set<Program*> before = said.knowing;
      for (const auto& [one, other] : pairs) {
        if (before.contains(one)) said.knowing.insert(other);
      }
    }
  }
  world_.after(milliseconds(500), [this] { spread_knowledge(); });
}

void Town::check_answer(Index index, const std::string& key, const Home& home) {
  ++answer_count_;
  if (world_.verbose()) {
    world_.log(index,
               "answers " + key + ": " + home.shard + ", generation " + std::to_string(home.generation));
  }
  if (is_foreign(key)) return;
  const Duration now = world_.now();
  Program* const here = world_.program(index);
  Said* same = nullptr;
  for (Said& said : said_[key]) {
    if (said.generation != home.generation) continue;
    if (said.shard == home.shard) {
      same = &said;
    } else {
      ++splits_;
      split_at_[key] = now;
      if (said.knowing.contains(here)) {
        fail(world_.name(index) + " says that " + key + " is at " + home.shard +
             ", and knows that it is at " + said.shard + ", as " + world_.name(said.first_gate) +
             " said at " + std::to_string(std::chrono::duration<double>(said.first_at).count()) +
             " s, both of generation " + std::to_string(home.generation));
      } else if (const Teller* teller = contradicted(said, index)) {
        fail(world_.name(index) + " says that " + key + " is at " + home.shard + ", and " +
             world_.name(teller->gate) + ", in touch with it ever since, said " + said.shard + " at " +
             std::to_string(std::chrono::duration<double>(teller->at).count()) + " s, both of generation " +
             std::to_string(home.generation));
      }
    }
  }
  if (same == nullptr) {
    same = &said_[key].emplace_back(Said{home.shard, home.generation, index, now, {}, {}});
  }
  same->knowing.insert(here);
  const std::uint64_t life = world_.life(index);
  if (std::none_of(same->tellers.begin(), same->tellers.end(),
                   [&](const Teller& teller) { return teller.gate == index && teller.life == life; })) {
    Teller& teller = same->tellers.emplace_back(Teller{index, life, now, {}});
    for (Index other = 0; other < world_.size(); ++other) {
      if (other != index && in_touch(index, other)) teller.touched.emplace(other, world_.life(other));
    }
  }
  for (const auto& [id, tunnel] : tunnels_) {
    if (tunnel.key != key || tunnel.shard == home.shard || tunnel.closing || !world_.runs(tunnel.gate))
      continue;
    if (may_change(tunnel)) continue;
    if (home.generation < tunnel.generation && now - tunnel.answered < kSettled) continue;
    if (!in_touch(index, tunnel.gate)) continue;
    fail(key + " is in use at " + tunnel.shard + " through " + world_.name(tunnel.gate) + " (generation " +
         std::to_string(tunnel.generation) + "), and " + world_.name(index) + " sends people to " +
         home.shard + " (generation " + std::to_string(home.generation) + ")");
  }
}

// Something that people in a room have to live with: a split was judged, an operator wanted it, or the
// majority saw their shard down while they were there, or just before.
bool Town::may_change(const Tunnel& tunnel) {
  const auto happened = [&](const std::map<std::string, Duration>& times, Duration before) {
    const auto at = times.find(tunnel.key);
    return at != times.end() && at->second >= tunnel.answered - before;
  };
  return is_foreign(tunnel.key) || happened(split_at_, seconds(30)) || happened(operated_at_, kOperated) ||
         shard(tunnel.shard).majority_at >= tunnel.answered - seconds(5);
}

// Another generation of a room with people in it, where all are in touch: it was moved, or released and made
// anew.
void Town::check_change(Index index, const std::string& key, const Home& to) {
  if (!world_.runs(index)) return;
  for (Index other = 0; other < world_.size(); ++other) {
    if (other != index && !in_touch(index, other)) return;
  }
  for (const auto& [id, tunnel] : tunnels_) {
    if (tunnel.gate != index || tunnel.key != key || tunnel.closing || tunnel.generation >= to.generation)
      continue;
    const auto entry = gate(index)->table().find(key);
    if (entry == gate(index)->table().end() || entry->second.generation >= to.generation ||
        may_change(tunnel))
      continue;
    if (!world_.were_together(index, index, tunnel.answered, world_.now())) continue;
    fail(key + " is in use at " + tunnel.shard + " through " + world_.name(index) +
         " and gets another generation, " + std::to_string(to.generation) + " at " + to.shard);
  }
}

void Town::check_tables() {
  for (const auto& [id, tunnel] : tunnels_) {
    if (!world_.runs(tunnel.gate) || tunnel.closing || world_.now() - tunnel.answered < kSettled) continue;
    const auto operated = operated_at_.find(tunnel.key);
    if (operated != operated_at_.end() && operated->second >= tunnel.answered - kOperated) continue;
    if (gate(tunnel.gate)->table().contains(tunnel.key)) continue;
    fail(world_.name(tunnel.gate) + " has a tunnel of " + tunnel.key + " since " +
         std::to_string(std::chrono::duration<double>(tunnel.answered).count()) + " s and no entry");
  }
}

void Town::watch_claim(Index index, std::shared_ptr<bool> done, const std::string& key) {
  const Duration asked = world_.now();
  const std::uint64_t life = world_.life(index);
  world_.after(options_.claim_timeout * 11 / 10 + milliseconds(200), [this, index, done, key, life, asked] {
    if (*done || !world_.exists(index) || world_.life(index) != life ||
        !world_.were_together(index, index, asked, world_.now()))
      return;
    fail(world_.name(index) + " has no outcome for " + key);
  });
}

bool Town::is_agreed() {
  for (Index i = 0; i < world_.size(); ++i) {
    if (!world_.runs(i)) return false;
    const ReplicaStatus status = gate(i)->node().status(world_.local(i));
    if (!status.ready || !status.may_decide || status.view.size() != world_.size()) return false;
  }
  return true;
}

std::string Town::states() {
  std::string all;
  for (Index i = 0; i < world_.size(); ++i) {
    all += " " + world_.name(i);
    if (!world_.runs(i)) continue;
    // Whose history it lacks, as far as it says so.
    for (const std::string& name : gate(i)->node().incomplete(world_.local(i))) all += " !" + name.substr(5);
    const ReplicaStatus status = gate(i)->node().status(world_.local(i));
    all += " " + status.state + (status.may_decide ? " decides in {" : " in {");
    for (const std::string& name : status.view) all += " " + name.substr(5);
    all += " }";
  }
  return all;
}

void Town::check_end() {
  for (const std::string& key : keys_) {
    const Home* first = nullptr;
    Index whose = 0;
    for (Index i = 0; i < world_.size(); ++i) {
      const auto at = gate(i)->table().find(key);
      if (gate(i)->node().facts(key, world_.local(i)).split) fail(key + " is split at " + world_.name(i));
      if (at == gate(i)->table().end()) continue;
      if (first != nullptr &&
          (first->shard != at->second.shard || first->generation != at->second.generation)) {
        fail(key + " is at " + first->shard + " (" + std::to_string(first->generation) + ") for " +
             world_.name(whose) + " and at " + at->second.shard + " (" +
             std::to_string(at->second.generation) + ") for " + world_.name(i));
      }
      if (first == nullptr) {
        first = &at->second;
        whose = i;
      }
    }
    if (first == nullptr) continue;
    for (const auto& [id, tunnel] : tunnels_) {
      // Who is in a room that an operator forgot stays.
      const auto operated = operated_at_.find(key);
      if (operated != operated_at_.end() && operated->second >= tunnel.answered - kOperated) continue;
      if (tunnel.key == key && tunnel.shard != first->shard && !tunnel.closing) {
        fail("somebody is left at " + tunnel.shard + " in " + key + " through " + world_.name(tunnel.gate) +
             ", which is at " + first->shard);
      }
    }
  }
  // And whoever comes now, through whatever gate, comes to the same place.
  std::map<std::string, std::set<std::string>> places;
  for (const std::string& key : keys_) {
    for (Index i = 0; i < world_.size(); ++i) {
      world_.in_process(i, [&, key](Program& program, TimePoint now) {
        static_cast<Gate&>(program).request(
            key, Use::signalling,
            [&places, key](const Outcome& outcome) {
              places[key].insert(outcome.refusal == Refusal::none ? outcome.home.shard : "nowhere");
            },
            now);
      });
    }
  }
  world_.run(options_.claim_timeout * 2);
  for (const auto& [key, where] : places) {
    std::string all;
    for (const std::string& place : where) all += " " + place;
    if (where.size() != 1 || where.contains("nowhere")) fail("in the end " + key + " is at" + all);
  }
}

void Town::fail(const std::string& what) {
  if (wrong_.empty()) {
    wrong_ = "at " + std::to_string(std::chrono::duration<double>(world_.now()).count()) + " s: " + what;
  }
  if (world_.verbose()) world_.log(0, "WRONG: " + what);
}

}  // namespace roomgate::peers_sync::claim::simulation
