// What the router sees of front doors that agree, however they do it: by the mesh of peers (peers_replica) or
// through Redis (redis/). A replica lives on one core, the peers core; all calls and callbacks are on it. The
// router keeps a table that its data cores read; the replica says what is in it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "peers-sync/types.hpp"

namespace roomgate::peers_sync {

// The gate, as a replica needs it. Outlives the replica. Must not call back into it.
class Host {
 public:
  // --- The policy. Which shard gets the room.
  struct Placement {
    std::string_view key;
    std::string_view wish;
    std::string_view from;  // it has to leave this one; empty: it is new
    bool by_hash = false;   // agreement.md 3: a gate is missing, so choose as the other side would
    std::string_view hint;  // a HAProxy would look for it there: so let it be, if it may; empty: none does
  };
  struct Chosen {
    enum class Kind : std::uint8_t { shard, none, say_more };
    Kind kind = Kind::none;  // say_more: the wish names a set by its digest that is not ours
    std::string shard;
    std::uint8_t placed = 0;
    std::string region;
  };
  virtual Chosen choose(const Placement& placement, TimePoint now) = 0;
  // The same wish, its set of shards spelled out, where say_more was the answer.
  virtual std::string said_in_full(std::string_view key, std::string_view wish) = 0;
  // Own checks see the shard down; and how many of all, for health.panic.
  virtual bool sees_down(std::string_view shard) = 0;
  virtual std::vector<std::string> shards_down() = 0;
  virtual bool in_panic(TimePoint now) = 0;  // and rooms in use have to wait still
  // People in the room by that shard's census; nullopt: not known.
  virtual std::optional<std::size_t> participants(std::string_view key, std::string_view shard) = 0;

  // --- The table that the cores read.
  virtual void put(std::string_view key, const Home& home) = 0;
  virtual void drop(std::string_view key) = 0;
  // Takes the entry out unless this gate holds it (a tunnel, or a request in the last 90 s). False: held.
  // `provisional`: only a tunnel or a signalling request counts.
  virtual bool give_back(std::string_view key, TimePoint now) = 0;
  struct LocalUse {
    bool held = false;  // tunnels, or a request in the last 90 s
    bool tunnels = false;
    TimePoint last_used{};  // by this gate
  };
  virtual LocalUse local_use(std::string_view key, TimePoint now) = 0;
  // This gate's, of that room: for people at other gates.
  virtual std::size_t tunnels(std::string_view) { return 0; }

  // --- Events.
  // The room's home is another now: whoever is at `from` through this gate has to leave.
  virtual void moved(std::string_view key, std::string_view from, const Home& to) = 0;
  virtual void heard(const Word& word) = 0;
  // Member, or no longer: /ready follows.
  virtual void ready_changed(bool ready) = 0;

 protected:
  ~Host() = default;
};

struct RoomFacts {
  std::optional<Home> home;
  std::string owner;
  std::vector<std::string> holders;  // names of gates that hold it
  bool split = false;                // two homes of one generation, not yet judged
};

struct ReplicaStatus {
  std::string mode;  // "peers", "redis"
  std::string state;
  bool ready = false;
  bool may_decide = false;
  std::vector<std::string> view;  // names
  std::vector<std::string> missing;
  std::uint64_t splits = 0;         // rooms found with two homes, so far
  std::uint64_t asked = 0;          // claims that another gate made in Redis for this one, cut off, so far
  std::uint64_t asked_in_vain = 0;  // and those for which none with Redis was reached
  std::uint64_t clamped = 0;        // rooms said to be made in the future, so far
  double lease_ms = 0;
  std::size_t table_limit = SIZE_MAX;  // rooms that all have place for
};

class Replica {
 public:
  using Done = std::function<void(const Outcome&)>;
  virtual ~Replica() = default;

  // Each ends, by claim_timeout at the latest. `done` may be called before the call returns.
  virtual void claim(Claim claim, Done done) = 0;
  virtual void elsewhere(Elsewhere ask, Done done) = 0;
  virtual void settle(Settle settle, Done done) = 0;
  // Operators' words about one room; an unknown room: Refusal::stay. Moved for all, by the owner.
  virtual void move(std::string key, std::string to, std::uint8_t placed, Done done) = 0;
  virtual void forget(std::string key, Done done) = 0;
  virtual void say(std::string name, std::string value) = 0;  // a word; comes back by heard() at the others
  // From a snapshot, a process before us, HAProxy (generation 0) or a census: taken if nothing better is
  // known.
  virtual void adopt(std::string key, Home home) = 0;

  virtual bool ready() const = 0;
  virtual ReplicaStatus status() const = 0;
  virtual std::vector<PeerRow> peers() const = 0;
  virtual RoomFacts facts(std::string_view key) const = 0;
  virtual std::vector<std::string> split_rooms(std::size_t limit) const = 0;
  // Tunnels of that room at the other gates; `all`: every one has said it in time.
  using Counted = std::function<void(std::size_t tunnels, bool all)>;
  virtual void count_tunnels(std::string, Counted done) { done(0, true); }

  // Soon to leave: others decide from now on, where there are any; all else goes on.
  virtual void resign() {}
  // Says goodbye; `left` when everybody knows, or after a second.
  virtual void leave(std::function<void()> left) = 0;
};

}  // namespace roomgate::peers_sync
