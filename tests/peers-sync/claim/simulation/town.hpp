// People who meet in rooms, the shards where the rooms are, operators; and what must hold of it all:
//
//   one home       answers for one generation of a room name one shard, unless the gates were apart around then
//   no move        while somebody is in a room no gate in touch says another shard, unless the majority saw it
//                  down, an operator moved it, or a split was judged
//   nothing lost   whoever has a tunnel of a room has its entry
//   all end        every claim has its outcome by claim_timeout
//   agreement      when all is whole again, tables, answers and tunnels are the same at all gates
//   one decides    views that may decide are equal or disjoint
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/peers-sync/claim/simulation/chaos.hpp"
#include "tests/peers-sync/claim/simulation/gate.hpp"
#include "tests/peers-sync/claim/simulation/world.hpp"

namespace roomgate::peers_sync::claim::simulation {

class Town final : public Surroundings {
 public:
  // What goes on. The last two do over and over, at times that chance chooses, what one rule is for and what
  // hardly happens by itself.
  enum class Profile : std::uint8_t {
    mixed,
    // A room's owner tells one gate of it, not the one that will own it next, and dies (inheritance).
    heirs,
    // A room that was idle for almost as long as it may be is used again, and its owner hears that late
    // (release by all).
    brink
  };

  Town(std::uint64_t seed, Rules rules, bool verbose, Profile profile = Profile::mixed);

  // What went wrong first; empty: nothing.
  std::string run();
  std::uint64_t answers() const { return answer_count_; }
  std::uint64_t splits() const { return splits_; }

 private:
  using Index = World::Index;
  struct Tunnel {
    std::string key;
    std::string shard;
    std::uint64_t generation = 0;
    Index gate = 0;
    Duration answered{0};
    bool closing = false;
  };
  // A gate that said a home, for the first time, and who was in touch with it then. What one life of a gate
  // has said counts for these as long as there is a way between the two.
  struct Teller {
    Index gate = 0;
    std::uint64_t life = 0;
    Duration at{0};
    std::set<std::pair<Index, std::uint64_t>> touched;
  };
  // A home that was said to somebody.
  struct Said {
    std::string shard;
    std::uint64_t generation = 0;
    Index first_gate = 0;
    Duration first_at{0};
    // Lives of gates that have to know of it: who said it, who was in touch with one of these for long
    // enough.
    std::set<Program*> knowing;
    std::vector<Teller> tellers;
  };
  struct Shard {
    std::string name;
    bool alive = true;
    std::vector<bool> cut_off;  // by gate: the way between them is broken
    std::vector<bool> seen_down;
    Duration majority_at{-1};  // when more than half of a component saw it down, last
  };

  // Surroundings
  std::vector<std::string> shards() const override;
  bool sees_down(Index gate, const std::string& shard) const override;
  std::optional<std::size_t> participants(std::string_view key, std::string_view shard) const override;
  void put(Index gate, const std::string& key, const Home& home) override;
  void moved(Index gate, const std::string& key, const std::string& from, const Home& to) override;

  // --- What people do.
  void live();
  void meet(const std::string& key);
  void ask(Index gate, const std::string& key, Use use);
  void answered(Index gate, const std::string& key, Use use, const Outcome& outcome);
  void connect(Index gate, std::uint64_t life, const std::string& key, const Outcome& outcome, int tries);
  void enter(Index gate, const std::string& key, const Home& home);
  void leave(std::uint64_t tunnel, bool comes_back);
  void come_back(const std::string& key, Duration after);
  void shards_change();
  void operate();
  void see_shards(std::size_t shard);
  // Of one profile each.
  void inherit();
  void inherit(const std::string& key);
  void use_late(const std::string& key);
  Index owner_among_all(const std::string& key, std::optional<Index> but = std::nullopt) const;
  Index some_gate();
  Gate* gate(Index index) { return static_cast<Gate*>(world_.program(index)); }
  Shard& shard(const std::string& name);
  const Shard& shard(const std::string& name) const;

  // --- What must hold.
  void observe(Index gate);
  void check_answer(Index gate, const std::string& key, const Home& home);
  void check_tables();
  bool may_change(const Tunnel& tunnel);
  void check_change(Index gate, const std::string& key, const Home& to);
  void watch_claim(Index gate, std::shared_ptr<bool> done, const std::string& key);
  // In one view that decides, with all who can be reached, for as long as it may take to judge what they
  // found.
  bool in_touch(Index one, Index other);
  bool all_in_touch();
  const Teller* contradicted(const Said& said, Index gate) const;
  void note_view(Index gate, const ReplicaStatus& status);
  void spread_knowledge();
  bool is_agreed();
  std::string states();  // for people
  void check_end();
  void fail(const std::string& what);

  Rules rules_;
  const Profile profile_;
  World world_;
  Chaos chaos_;
  Random random_;
  NodeOptions options_;
  std::vector<Shard> shards_;
  std::vector<std::string> keys_;
  std::map<Index, Gate::Table> saved_;
  std::map<std::uint64_t, Tunnel> tunnels_;
  std::uint64_t last_tunnel_ = 0;
  std::map<std::string, std::vector<Said>> said_;
  std::map<std::string, std::map<std::uint64_t, std::string>>
      homes_;  // by generation, the first that was put
  std::map<std::string, Duration> split_at_;
  std::set<std::string> nobody_stays_;  // who asks for these only looks
  std::map<std::string, Duration> operated_at_;
  std::map<Index, Program*> lives_;
  std::map<Index, std::vector<std::string>> whole_views_;    // of those who may decide there, with all in it
  std::map<std::pair<Index, Index>, Duration> agree_since_;  // the smaller first
  Duration pace_{0};
  double wrong_checks_ = 0;
  double operators_ = 0;
  bool over_ = false;
  std::uint64_t answer_count_ = 0;
  std::uint64_t splits_ = 0;
  std::string wrong_;
};

}  // namespace roomgate::peers_sync::claim::simulation
