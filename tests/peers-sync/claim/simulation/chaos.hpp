// What goes wrong, and when: chosen by the seed, from a mixture that the seed chooses too, so that some runs
// are all pauses, some all partitions, and some a little of everything. Owned by a simulation.
#pragma once

#include "tests/peers-sync/claim/simulation/world.hpp"

namespace roomgate::peers_sync::claim::simulation {

class Chaos {
 public:
  // `calm`: gates start, and nothing goes wrong by itself.
  Chaos(World& world, bool calm);

  void begin();  // all gates start, some later
  void end();    // nothing more goes wrong; who is down comes back, who is stopped goes on, ways are mended

 private:
  enum class Kind : std::uint8_t {
    cut_one_way,
    cut_pair,
    partition,
    isolate,
    mend,
    pause,
    crash,
    power_off,
    goodbye
  };

  void next();
  void something(Kind kind);
  void start_again(World::Index gate, Duration after);

  World& world_;
  std::vector<Kind> mixture_;
  Duration pace_{0};
  bool calm_;
  bool over_ = false;
};

}  // namespace roomgate::peers_sync::claim::simulation
