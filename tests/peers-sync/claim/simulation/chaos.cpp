#include "tests/peers-sync/claim/simulation/chaos.hpp"

namespace roomgate::peers_sync::claim::simulation {

Chaos::Chaos(World& world, bool calm) : world_(world), calm_(calm) {
  Random& random = world.random();
  for (const Kind kind : {Kind::cut_one_way, Kind::cut_pair, Kind::partition, Kind::isolate, Kind::pause,
                          Kind::crash, Kind::power_off, Kind::goodbye}) {
    if (random.chance(0.5)) mixture_.insert(mixture_.end(), 1 + random.below(4), kind);
  }
  mixture_.insert(mixture_.end(), 1 + mixture_.size() / 3, Kind::mend);
  pace_ = random.between(milliseconds(50), seconds(3));
}

void Chaos::begin() {
  Random& random = world_.random();
  const bool together = calm_ || random.chance(0.5);
  for (World::Index i = 0; i < world_.size(); ++i) {
    const bool later = !together && random.chance(0.5);
    start_again(
        i, later ? random.between(Duration{0}, seconds(8)) : random.between(Duration{0}, milliseconds(50)));
  }
  if (!calm_) next();
}

void Chaos::end() {
  over_ = true;
  world_.mend_all();
  for (World::Index i = 0; i < world_.size(); ++i) {
    world_.go_on(i);
    start_again(i, milliseconds(1));
  }
}

void Chaos::next() {
  world_.after(world_.random().between(pace_ / 4, pace_ * 2), [this] {
    if (over_) return;
    something(world_.random().one_of(mixture_));
    next();
  });
}

void Chaos::start_again(World::Index gate, Duration delay) {
  world_.after(delay, [this, gate] {
    if (world_.exists(gate)) {
      // One that is leaving still comes back once it has gone.
      if (world_.leaves(gate)) start_again(gate, milliseconds(100));
      return;
    }
    world_.start(gate, world_.random().chance(0.5));
  });
}

void Chaos::something(Kind kind) {
  Random& random = world_.random();
  const World::Index one = random.below(world_.size());
  const World::Index other = random.below(world_.size());
  switch (kind) {
    case Kind::cut_one_way:
      if (one != other) world_.cut(one, other, true);
      return;
    case Kind::cut_pair:
      if (one == other) return;
      world_.cut(one, other, true);
      world_.cut(other, one, true);
      return;
    case Kind::partition: {
      std::vector<bool> side(world_.size());
      for (World::Index i = 0; i < side.size(); ++i) side[i] = random.chance(0.5);
      for (World::Index i = 0; i < side.size(); ++i) {
        for (World::Index j = 0; j < side.size(); ++j) {
          if (i != j) world_.cut(i, j, side[i] != side[j]);
        }
      }
      return;
    }
    case Kind::isolate: {
      const bool in = random.chance(0.6);
      const bool out = !in || random.chance(0.6);
      for (World::Index i = 0; i < world_.size(); ++i) {
        if (i == one) continue;
        if (in) world_.cut(i, one, true);
        if (out) world_.cut(one, i, true);
      }
      return;
    }
    case Kind::mend:
      for (World::Index i = 0; i < world_.size(); ++i) {
        for (World::Index j = 0; j < world_.size(); ++j) {
          if (random.chance(0.8)) world_.cut(i, j, false);
        }
      }
      return;
    case Kind::pause:
      world_.stop(one);
      world_.after(random.between(milliseconds(10), random.chance(0.5) ? milliseconds(800) : seconds(6)),
                   [this, one] { world_.go_on(one); });
      return;
    case Kind::crash:
    case Kind::power_off:
      world_.kill(one, kind == Kind::power_off);
      start_again(one, random.between(milliseconds(20), random.chance(0.5) ? milliseconds(600) : seconds(6)));
      return;
    case Kind::goodbye:
      world_.say_goodbye(one, random.chance(0.3) ? Duration{0} : random.between(milliseconds(1), seconds(5)));
      start_again(one, random.between(milliseconds(20), seconds(3)));
      return;
  }
}

}  // namespace roomgate::peers_sync::claim::simulation
