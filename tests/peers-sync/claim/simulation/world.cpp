#include "tests/peers-sync/claim/simulation/world.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace roomgate::peers_sync::claim::simulation {
namespace {

std::string name_of(std::size_t index) {
  std::string name = "gate-";
  if (index >= 26) name += static_cast<char>('a' + index / 26 - 1);
  return name + static_cast<char>('a' + index % 26);
}

}  // namespace

World::World(Options options, Start start, Observer observer)
    : options_(options),
      start_(std::move(start)),
      observer_(std::move(observer)),
      random_(options.seed),
      hosts_(options.gates),
      links_(options.gates * options.gates),
      apart_(options.gates * options.gates) {
  for (Index i = 0; i < hosts_.size(); ++i) {
    Host& host = hosts_[i];
    host.name = name_of(i);
    host.life = 1000;
    host.offset = random_.between(seconds(1000), seconds(1'000'000));
    // Of two gates one runs faster by less than a tenth.
    host.rate = 0.96 + 0.08 * random_.fraction();
  }
  const double distance = random_.fraction();
  auto [low, high] = distance < 0.5   ? std::pair<Duration, Duration>(microseconds(100), milliseconds(2))
                     : distance < 0.8 ? std::pair<Duration, Duration>(milliseconds(2), milliseconds(20))
                                      : std::pair<Duration, Duration>(milliseconds(20), milliseconds(150));
  jitter_ = random_.between(microseconds(50), low * 2);
  if (random_.chance(0.5)) loss_ = 0.05 * random_.fraction();
  if (random_.chance(0.3)) doubled_ = 0.05 * random_.fraction();
  if (random_.chance(0.5)) spike_ = 0.02 * random_.fraction();
  in_order_ = random_.chance(0.6);
  // In some worlds not every gate has a session with every other; a ring keeps them together.
  bool full = random_.chance(0.7);
  if (const auto& given = options_.network) {
    low = given->low;
    high = given->high;
    jitter_ = given->jitter;
    loss_ = given->loss;
    in_order_ = given->in_order;
    doubled_ = spike_ = 0;
    full = true;
  }
  for (Index i = 0; i < hosts_.size(); ++i) {
    for (Index j = i + 1; j < hosts_.size(); ++j) {
      const bool next = j == i + 1 || (i == 0 && j + 1 == hosts_.size());
      const bool exists = full || next || random_.chance(0.4);
      const Duration delay = random_.between(low, high);
      link(i, j).exists = link(j, i).exists = exists;
      link(i, j).delay = link(j, i).delay = delay;
      if (exists) watch(i, j);
    }
  }
  ways_changed();
}

// --- Processes.

void World::start(Index gate, bool with_table) {
  Host& host = hosts_[gate];
  if (host.program) return;
  host.machine_up = true;
  host.stopped = false;
  host.leaving = false;
  host.waiting.clear();
  ++host.life;
  log(gate, "starts, life " + std::to_string(host.life) + (with_table ? ", with its table" : ""));
  host.program = start_(gate, host.life, local(gate), with_table);
  ways_changed();
  arrange_tick(gate);
  observer_(gate);
}

void World::kill(Index gate, bool machine_too) {
  Host& host = hosts_[gate];
  if (!host.program) return;
  log(gate, machine_too ? "dies with its machine" : "dies");
  host.program.reset();
  host.waiting.clear();
  host.machine_up = !machine_too;
  host.tick_at = Duration::max();
  for (Index other = 0; other < hosts_.size(); ++other) {
    Link& own = link(gate, other);
    if (own.open && !machine_too) close(other, gate, own.session, travel(gate, other));
    own.open = false;
  }
  ways_changed();
  observer_(gate);
}

void World::stop(Index gate) {
  Host& host = hosts_[gate];
  if (!host.program || host.stopped) return;
  log(gate, "is stopped");
  host.stopped = true;
  ways_changed();
}

void World::go_on(Index gate) {
  Host& host = hosts_[gate];
  if (!host.program || !host.stopped) return;
  log(gate, "goes on, " + std::to_string(host.waiting.size()) + " events wait");
  host.stopped = false;
  ways_changed();
  // Its clock may be looked at before what has come is read, or after.
  host.tick_at = Duration::max();
  if (random_.chance(0.5)) arrange_tick(gate);
  auto waiting = std::exchange(host.waiting, {});
  for (auto& one : waiting) in_process(gate, std::move(one));
  if (exists(gate)) in_process(gate, [](Program&, TimePoint) {});
}

void World::say_goodbye(Index gate, Duration notice) {
  if (!exists(gate) || hosts_[gate].leaving) return;
  log(gate, "resigns");
  hosts_[gate].leaving = true;
  in_process(gate, [](Program& program, TimePoint now) { program.resign(now); });
  after(notice, [this, gate, life = hosts_[gate].life] {
    if (hosts_[gate].life != life || !exists(gate)) return;
    log(gate, "says goodbye");
    in_process(gate, [](Program& program, TimePoint now) { program.leave(now); });
  });
}

void World::cut(Index from, Index to, bool is_cut) {
  Link& way = link(from, to);
  if (way.cut == is_cut) return;
  way.cut = is_cut;
  ways_changed();
  if (options_.verbose) log(from, (is_cut ? "no way to " : "a way to ") + name(to));
}

void World::mend_all() {
  for (Index i = 0; i < hosts_.size(); ++i) {
    for (Index j = 0; j < hosts_.size(); ++j) cut(i, j, false);
  }
  loss_ = doubled_ = spike_ = 0;
}

void World::in_process(Index gate, std::function<void(Program&, TimePoint)> then) {
  Host& host = hosts_[gate];
  if (!host.program) return;
  if (host.stopped) {
    host.waiting.push_back(std::move(then));
    return;
  }
  then(*host.program, local(gate));
  observer_(gate);
  arrange_tick(gate);
}

TimePoint World::local(Index gate) const {
  const Host& host = hosts_[gate];
  const auto passed = static_cast<Duration::rep>(static_cast<double>(now_.count()) * host.rate);
  return TimePoint(host.offset + Duration(passed));
}

void World::arrange_tick(Index gate) {
  Host& host = hosts_[gate];
  const Duration local_due = host.program->next().time_since_epoch() - host.offset;
  Duration due(static_cast<Duration::rep>(static_cast<double>(local_due.count()) / host.rate) + 1);
  due = std::max(due, now_ + microseconds(20)) + random_.between(Duration{0}, microseconds(500));
  if (due >= host.tick_at && host.tick_at > now_) return;
  host.tick_at = due;
  const std::uint64_t life = host.life;
  after(due - now_, [this, gate, due, life] {
    Host& it = hosts_[gate];
    if (it.life != life || !it.program || it.stopped || it.tick_at != due) return;
    it.tick_at = Duration::max();
    in_process(gate, [](Program& program, TimePoint now) { program.tick(now); });
    if (it.leaving && it.program && it.program->has_left(local(gate))) kill(gate, false);
  });
}

// --- Sessions.

Duration World::travel(Index from, Index to) {
  Duration time = link(from, to).delay + random_.between(Duration{0}, jitter_);
  if (random_.chance(spike_)) time += random_.between(milliseconds(20), milliseconds(500));
  return time;
}

// As a mesh does it, once in a while for each pair: connect where there is no session, and give up one on
// which nothing comes.
void World::watch(Index one, Index other) {
  after(random_.between(milliseconds(20), milliseconds(400)), [this, one, other] {
    const Link& there = link(one, other);
    const Link& back = link(other, one);
    const bool half_open = there.open != back.open;
    if (!there.open && !back.open) {
      random_.chance(0.5) ? dial(one, other) : dial(other, one);
    } else if (half_open || there.cut || back.cut) {
      // Which of the ends sees it first, and when, is up to chance; half open means that one has crashed.
      if (random_.chance(0.1)) close(one, other, there.session, Duration{0});
      if (random_.chance(0.1)) close(other, one, back.session, Duration{0});
    }
    watch(one, other);
  });
}

void World::dial(Index from, Index to) {
  if (!runs(from) || is_cut(from, to) || is_cut(to, from)) return;
  const Host& target = hosts_[to];
  if (!target.program) {
    if (!target.machine_up) return;
    after(travel(from, to) + travel(to, from), [this, from, to] {
      if (exists(to)) return;
      in_process(from, [this, to](Program& program, TimePoint now) { program.refused(name(to), now); });
    });
    return;
  }
  if (!runs(to)) return;
  const std::uint64_t session = ++sessions_;
  for (const auto& [one, other] : {std::pair(from, to), std::pair(to, from)}) {
    link(one, other).open = true;
    link(one, other).session = session;
  }
  ways_changed();
  for (const auto& [one, other] : {std::pair(to, from), std::pair(from, to)}) {
    in_process(one,
               [this, peer = other](Program& program, TimePoint now) { program.connected(name(peer), now); });
  }
}

// As `from` sees it: its session with `to` is over.
void World::close(Index from, Index to, std::uint64_t session, Duration delay) {
  after(delay, [this, from, to, session] {
    Link& own = link(from, to);
    if (!own.open || own.session != session || !exists(from)) return;
    own.open = false;
    ways_changed();
    in_process(from, [this, to](Program& program, TimePoint now) { program.lost(name(to), now); });
  });
}

void World::send(Index from, const std::string& to_name, Packet packet) {
  const Index to = index(to_name);
  Link& way = link(from, to);
  if (!way.open || way.cut || random_.chance(loss_)) return;
  const int copies = random_.chance(doubled_) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Duration arrival = now_ + travel(from, to);
    if (in_order_ && i == 0) arrival = way.last_arrival = std::max(arrival, way.last_arrival);
    after(arrival - now_,
          [this, from, to, session = way.session, packet] { deliver(from, to, session, packet); });
  }
}

void World::deliver(Index from, Index to, std::uint64_t session, const Packet& packet) {
  if (is_cut(from, to) || !link(to, from).open || link(to, from).session != session) return;
  in_process(to, [this, from, packet](Program& program, TimePoint now) {
    program.receive(name(from), packet, now);
  });
}

void World::after(Duration delay, std::function<void()> then) {
  queue_.push_back({now_ + delay, ++events_, std::move(then)});
  std::push_heap(queue_.begin(), queue_.end());
}

void World::run(Duration time) {
  const Duration end = now_ + time;
  while (!queue_.empty() && queue_.front().at <= end) {
    std::pop_heap(queue_.begin(), queue_.end());
    const Event event = std::move(queue_.back());
    queue_.pop_back();
    now_ = event.at;
    event.run();
  }
  now_ = end;
}

World::Index World::index(const std::string& name) const {
  for (Index i = 0; i < hosts_.size(); ++i) {
    if (hosts_[i].name == name) return i;
  }
  std::abort();
}

std::vector<World::Index> World::component(Index gate) const {
  const auto reached = [&](bool forward) {
    std::vector<bool> seen(hosts_.size());
    std::vector<Index> front = {gate};
    seen[gate] = true;
    for (std::size_t at = 0; at < front.size(); ++at) {
      for (Index next = 0; next < hosts_.size(); ++next) {
        const Link& there = links_[front[at] * hosts_.size() + next];
        const Link& back = links_[next * hosts_.size() + front[at]];
        if (seen[next] || !runs(next) || !there.open || !back.open) continue;
        if (forward ? there.cut : back.cut) continue;
        seen[next] = true;
        front.push_back(next);
      }
    }
    return seen;
  };
  const auto there = reached(true);
  const auto back = reached(false);
  std::vector<Index> both;
  for (Index i = 0; i < hosts_.size(); ++i) {
    if (there[i] && back[i]) both.push_back(i);
  }
  return both;
}

void World::ways_changed() {
  for (Index one = 0; one < hosts_.size(); ++one) {
    const auto with = runs(one) ? component(one) : std::vector<Index>{};
    for (Index other = 0; other < hosts_.size(); ++other) {
      auto& apart = apart_[one * hosts_.size() + other];
      const bool together = std::find(with.begin(), with.end(), other) != with.end();
      const bool were_apart = !apart.empty() && apart.back().until == Duration::max();
      if (together && were_apart) apart.back().until = now_;
      if (!together && !were_apart) apart.push_back({now_, Duration::max()});
    }
  }
}

bool World::were_together(Index one, Index other, Duration from, Duration until) const {
  const auto& apart = apart_[one * hosts_.size() + other];
  return std::none_of(apart.begin(), apart.end(),
                      [&](const Apart& time) { return time.from <= until && time.until >= from; });
}

void World::log(Index gate, const std::string& text) const {
  if (!options_.verbose) return;
  std::printf("%10.4f  %s  %s\n", std::chrono::duration<double>(now_).count(), hosts_[gate].name.c_str(),
              text.c_str());
}

}  // namespace roomgate::peers_sync::claim::simulation
