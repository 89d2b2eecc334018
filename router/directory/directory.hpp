// The shard directory: every shard that is known, from settings, DNS or other front doors, with what its
// checks, its agent and the operator say of it; and from all of that the one list the router goes by. A
// shard's name is its identity: addresses come and go. Sans-I/O; owned by the gate, on its control core.
//
//   known from       settings, or DNS answers; the first block that has a name keeps it; else what other front
//                    doors say: rooms that are there are served, none is put there
//   no longer there  leaving: no new rooms, existing ones stay (or move, once it is down); dropped when it has
//                    none
//   state            operator's word, else the shard's own or its agent's: the stronger of
//                    ready < drain < maint; down is checks' or agent's
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "router/balance/shard_set.hpp"
#include "router/directory/blocks.hpp"
#include "router/directory/shard_word.hpp"
#include "router/health/checker.hpp"

namespace roomgate::router::directory {

// What an operator said of a shard: versioned, so that several front doors can agree on it.
struct StateWord {
  balance::ShardState state = balance::ShardState::ready;
  std::uint64_t version = 0;
  bool local = false;  // said for this front door alone: stands until something newer is said to all
  friend bool operator==(const StateWord&, const StateWord&) = default;
};

struct Known {
  std::string name;
  std::vector<std::string> addresses;
  std::string announce;
  std::string agent;
  std::string source;  // "settings", the block's question, or kFromPeers
  ShardKind kind;
  bool leaving = false;
  TimePoint ramp_begin{};  // when it came up anew; those that were there when the gate began: long ago
  StateWord word;
  health::Verdict verdict;
};

inline constexpr std::string_view kFromPeers = "peers";

class Directory {
 public:
  // `names` outlives it. A copy is what a reload tries first.
  explicit Directory(balance::ShardNames& names) : names_(&names) {}

  // True: a shard came, went, or is reached or described otherwise: whoever routes or checks must hear of it.

  // The settings' shards and [[discover]] blocks; blocks that are gone take their shards into leaving.
  bool set_blocks(std::vector<ShardBlock> shards, std::vector<DiscoverBlock> discover, TimePoint now);
  // What the block's last good answer was, whole.
  bool set_found(const std::string& question, std::vector<Endpoint> endpoints, TimePoint now);
  // What other front doors say, whole; it counts for names that neither settings nor DNS know.
  bool set_peer_shards(std::vector<PeerShard> shards, TimePoint now);
  // Forgets those that are leaving and have no room left; `rooms_on` counts rooms by shard.
  bool prune(const std::function<std::size_t(balance::ShardId)>& rooms_on);

  // What a check of targets() said. `renamed`: it was the first to say the shard's name, so that the shards
  // are others now; `news`: something that routing must hear of at once; else only its load is another.
  enum class Heard { nothing, load, news, renamed };
  Heard set_verdict(const std::string& target, const health::Verdict& verdict, TimePoint now);
  // False: no such shard. `local`: only here; the version is still that of what all have heard.
  bool set_state(std::string_view shard, balance::ShardState state, bool local = false);
  // What was said at another front door. True: it is so now.
  bool hear_state(std::string_view shard, balance::ShardState state, std::uint64_t version);

  const std::map<std::string, Known, std::less<>>& all() const { return known_; }
  const Known* find(std::string_view name) const;
  // Names that two blocks claim: an alarm. The first block has it.
  const std::vector<std::string>& contested() const { return contested_; }

  // What this gate knows by itself, for the other front doors.
  std::vector<PeerShard> own_shards() const;

  // For routing; TLS contexts are filled in by the gate.
  std::vector<balance::Shard> shards() const;
  // For checks; endpoints without a name are asked under their address.
  std::vector<health::Target> targets() const;
  // All that may be connected to, as blocks with a name and an address: whose TLS is to be prepared.
  std::vector<ShardBlock> reachable() const;

  // The last good answers by question, for whoever takes over.
  const std::map<std::string, std::vector<Endpoint>>& found() const { return found_; }
  // Operators' words, for whoever takes over, and back. Words about shards that are not known yet are kept.
  std::map<std::string, StateWord> words() const;
  void set_words(const std::map<std::string, StateWord>& words);

 private:
  struct Nameless {  // NameFrom::announced: an address whose shard has not said its name yet
    ShardKind kind;
    std::string announced;
  };

  bool rebuild(TimePoint now);
  balance::Shard describe(const Known& known) const;

  balance::ShardNames* names_;
  std::vector<ShardBlock> blocks_;
  std::vector<DiscoverBlock> discover_;
  std::map<std::string, std::vector<Endpoint>> found_;  // by question
  std::vector<PeerShard> peer_shards_;
  std::map<std::string, Known, std::less<>> known_;
  std::map<std::string, Nameless> nameless_;  // by address
  std::map<std::string, StateWord> words_;    // of shards that are not known
  std::vector<std::string> contested_;
  bool began_ = false;
};

}  // namespace roomgate::router::directory
