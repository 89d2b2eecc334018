#include "router/cluster/cluster.hpp"

#include <algorithm>
#include <chrono>

#include "base/log.hpp"
#include "peers-sync/claim/gate_id.hpp"
#include "router/route/agreed.hpp"

namespace roomgate::router::cluster {

using net::Task;
using peers_sync::Outcome;
using peers_sync::Refusal;
using peers_sync::Replica;

namespace {

// Of an operator's question: a replica's own answer comes before this.
constexpr Duration kPatience = seconds(5);
// Of what the peers core knows by itself: it is late only when the machine is.
constexpr Duration kLook = seconds(1);

// A later start has a higher one, as long as the machine's clock is not set back by more than it was off.
std::uint64_t life_now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
}

Outcome no_owner() {
  Outcome outcome;
  outcome.refusal = Refusal::no_owner;
  return outcome;
}

}  // namespace

template <class Answer>
struct Cluster::Waiting {
  Waiting(net::Core& on, Answer otherwise) : answered(on), answer(std::move(otherwise)) {}
  net::Event answered;
  Answer answer;
};

Cluster::Cluster(Parts parts, std::string name, Make make, Host::Tell tell)
    : parts_(parts),
      name_(std::move(name)),
      tell_(std::move(tell)),
      core_(parts.runtime.peers()),
      asking_(core_, parts.table, parts.metrics),
      make_(std::move(make)),
      host_(core_, parts.table, parts.names, [this](Host::News news) {
        auto told = std::make_shared<Host::News>(std::move(news));
        parts_.runtime.control().post([this, told] { hear(std::move(*told)); });
      }) {}

// --- coming and going

void Cluster::start(std::function<void(Result<void, std::string>)> done) {
  core_.post([this, done = std::move(done)] {
    auto begun = begin();
    Seen seen = see();
    parts_.runtime.control().post([this, done, begun = std::move(begun), seen = std::move(seen)] {
      take(seen);
      done(begun);
    });
  });
}

Result<void, std::string> Cluster::begin() {
  asking_.answer_by(nullptr);
  replica_.reset();  // its address is free now
  life_ = std::max(life_ + 1, life_now());
  auto made = make_(core_, host_, life_);
  if (!made) return fail(made.error());
  replica_ = std::move(made).value();
  adopt_table();
  asking_.answer_by(replica_.get());
  return {};
}

// From a snapshot, or the process before us. Before anything else is heard or asked on this core.
void Cluster::adopt_table() {
  std::vector<std::pair<std::string, peers_sync::Home>> homes;
  homes.reserve(parts_.table.size());
  parts_.table.for_each([this, &homes](std::string_view key, const stick::Entry& entry) {
    homes.emplace_back(key, route::home_of(entry, parts_.names.name_of(entry.shard), parts_.table.regions()));
  });
  for (auto& [key, home] : homes) replica_->adopt(std::move(key), std::move(home));
}

void Cluster::adopt(std::vector<std::pair<std::string, peers_sync::Home>> homes) {
  with_replica([homes = std::move(homes)](Replica& replica) {
    for (const auto& [key, home] : homes) replica.adopt(key, home);
  });
}

void Cluster::resign() {
  with_replica([](Replica& replica) { replica.resign(); });
}

void Cluster::leave(std::function<void()> left) {
  core_.post([this, left = std::move(left)] {
    const auto told = [this, left] { parts_.runtime.control().post(left); };
    if (replica_ == nullptr) return told();
    replica_->leave(told);
  });
}

void Cluster::retire(std::function<void()> gone) {
  core_.post([this, gone = std::move(gone)] {
    const auto end = [this, gone, life = life_] {
      // Not from inside of it.
      core_.post([this, gone, life] {
        if (life != life_) return;  // it has begun anew
        asking_.answer_by(nullptr);
        replica_.reset();
        parts_.runtime.control().post([this, gone] {
          ready_ = false;
          gone();
        });
      });
    };
    if (replica_ == nullptr) return end();
    replica_->leave(end);
  });
}

// --- what it goes by

void Cluster::set_shards(std::shared_ptr<const balance::ShardSet> shards) {
  core_.post([this, shards = std::move(shards)] { host_.set_shards(shards, core_.now()); });
}

void Cluster::set_rules(route::Settings rules, std::string policy) {
  core_.post(
      [this, rules = std::move(rules), policy = std::move(policy)] { host_.set_rules(rules, policy); });
}

void Cluster::set_rank(std::size_t rank) {
  core_.post([this, rank] { host_.set_rank(rank); });
}

void Cluster::set_census(Census census) {
  core_.post([this, census = std::move(census)] { host_.set_census(census); });
}

void Cluster::reload(Make make, std::function<void(Replica& replica)> change) {
  core_.post([this, make = std::move(make), change = std::move(change)] {
    make_ = make;
    if (replica_ != nullptr) change(*replica_);
  });
}

void Cluster::with_replica(std::function<void(Replica& replica)> work) {
  core_.post([this, work = std::move(work)] {
    if (replica_ != nullptr) work(*replica_);
  });
}

// --- words and rooms

void Cluster::say(std::string name, std::string value) {
  with_replica(
      [name = std::move(name), value = std::move(value)](Replica& replica) { replica.say(name, value); });
}

void Cluster::move_if_ours(std::string key, std::string from, std::string to, stick::Placed why) {
  with_replica(
      [this, key = std::move(key), from = std::move(from), to = std::move(to), why](Replica& replica) {
        const auto facts = replica.facts(key);
        if (facts.owner != name_ || !facts.home || facts.home->shard != from) return;
        replica.move(key, to, static_cast<std::uint8_t>(why), [key, to](const Outcome& outcome) {
          if (outcome.refusal != Refusal::none) LOG(warn, "room_not_moved", {"room", key}, {"shard", to});
        });
      });
}

template <class Answer>
Task<Answer> Cluster::ask(Answer otherwise, Ask<Answer> what) {
  net::Core& control = parts_.runtime.control();
  auto waiting = std::make_shared<Waiting<Answer>>(control, std::move(otherwise));
  core_.post([this, waiting, what = std::move(what)] {
    const auto tell = [this, waiting](Answer answer) {
      parts_.runtime.control().post([waiting, answer = std::move(answer)] {
        waiting->answer = answer;
        waiting->answered.set();
      });
    };
    if (replica_ == nullptr) return tell(waiting->answer);
    what(*replica_, tell);
  });
  (void)co_await waiting->answered.wait(control.now() + kPatience);
  co_return std::move(waiting->answer);
}

Task<Outcome> Cluster::move(std::string key, std::string to, stick::Placed why) {
  Ask<Outcome> what = [key = std::move(key), to = std::move(to), why](Replica& replica,
                                                                      std::function<void(Outcome)> done) {
    replica.move(key, to, static_cast<std::uint8_t>(why), [done](const Outcome& outcome) { done(outcome); });
  };
  Outcome otherwise = no_owner();
  co_return co_await ask(std::move(otherwise), std::move(what));
}

Task<Outcome> Cluster::forget(std::string key) {
  Ask<Outcome> what = [key = std::move(key)](Replica& replica, std::function<void(Outcome)> done) {
    replica.forget(key, [done](const Outcome& outcome) { done(outcome); });
  };
  Outcome otherwise = no_owner();
  co_return co_await ask(std::move(otherwise), std::move(what));
}

Task<Cluster::Room> Cluster::room(std::string key) {
  Ask<Room> what = [key = std::move(key)](Replica& replica, std::function<void(Room)> done) {
    Room room;
    room.facts = replica.facts(key);
    replica.count_tunnels(key, [room = std::move(room), done](std::size_t tunnels, bool all) mutable {
      room.tunnels_elsewhere = tunnels;
      room.all_counted = all;
      done(std::move(room));
    });
  };
  Room unknown;
  unknown.all_counted = false;
  co_return co_await ask(std::move(unknown), std::move(what));
}

Task<Cluster::Split> Cluster::split_rooms(std::size_t limit) {
  Ask<Split> what = [limit](Replica& replica, std::function<void(Split)> done) {
    Split rooms;
    for (auto& key : replica.split_rooms(limit)) {
      auto facts = replica.facts(key);
      rooms.emplace_back(std::move(key), std::move(facts));
    }
    done(std::move(rooms));
  };
  Split none;
  co_return co_await ask(std::move(none), std::move(what));
}

// --- how it is

bool Cluster::owns(std::string_view key) const {
  peers_sync::claim::View view;
  for (const std::string& name : seen_.status.view) view.push_back({name, 0});
  return !view.empty() && view[peers_sync::claim::owner_of(view, key)].name == name_;
}

Cluster::Seen Cluster::see() const {
  Seen seen;
  if (replica_ == nullptr) return seen;
  seen.status = replica_->status();
  seen.peers = replica_->peers();
  return seen;
}

Task<void> Cluster::look() {
  net::Core& control = parts_.runtime.control();
  auto waiting = std::make_shared<net::Event>(control);
  core_.post([this, waiting] {
    parts_.runtime.control().post([this, waiting, seen = see()] {
      take(seen);
      waiting->set();
    });
  });
  // Else what was seen before has to do.
  (void)co_await waiting->wait(control.now() + kLook);
}

void Cluster::look_soon() {
  core_.post([this] {
    // Agreement 7; the view is in the order of names.
    Seen seen = see();
    const auto& view = seen.status.view;
    const auto own = std::find(view.begin(), view.end(), name_);
    if (own != view.end()) host_.set_rank(static_cast<std::size_t>(own - view.begin()));
    parts_.runtime.control().post([this, seen = std::move(seen)] { take(seen); });
  });
}

void Cluster::take(Seen seen) {
  // What is counted from the start of a replica goes on where the one before it ended.
  const auto grown = [](std::uint64_t now, std::uint64_t before) {
    return now >= before ? now - before : now;
  };
  Metrics& metrics = parts_.metrics;
  metrics.split_rooms.with({}).add(grown(seen.status.splits, seen_.status.splits));
  metrics.redis_asked.with({"answered"}).add(grown(seen.status.asked, seen_.status.asked));
  metrics.redis_asked.with({"in_vain"}).add(grown(seen.status.asked_in_vain, seen_.status.asked_in_vain));
  const std::size_t limit = seen.status.table_limit;
  if (limit < parts_.table.limits().max_entries && limit != seen_.status.table_limit) {
    LOG(warn, "table_limit_of_another", {"rooms", limit}, {"ours", parts_.table.limits().max_entries});
  }
  metrics.clamped_times.with({}).add(grown(seen.status.clamped, seen_.status.clamped));
  for (const auto& peer : seen.peers) {
    const auto before = std::find_if(seen_.peers.begin(), seen_.peers.end(),
                                     [&peer](const auto& each) { return each.name == peer.name; });
    const bool known = before != seen_.peers.end();
    metrics.peer_updates.with({peer.name, "in"}).add(grown(peer.updates_in, known ? before->updates_in : 0));
    metrics.peer_updates.with({peer.name, "out"})
        .add(grown(peer.updates_out, known ? before->updates_out : 0));
    const std::uint64_t dropped = known ? before->asks_dropped : 0;
    if (peer.asks_dropped == 0) continue;
    metrics.peer_asks_dropped.with({peer.name}).add(grown(peer.asks_dropped, dropped));
    if (dropped == 0) LOG(warn, "peer_floods", {"peer", peer.name}, {"asks_dropped", peer.asks_dropped});
  }
  seen_ = std::move(seen);
}

void Cluster::hear(Host::News news) {
  if (news.ready) ready_ = *news.ready;
  tell_(std::move(news));
}

}  // namespace roomgate::router::cluster
