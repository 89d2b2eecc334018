// The stick table: room key -> shard. Any number of threads; finding takes no lock and writes no shared line
// (but the time of last use, at most once a second); creating, holding, moving and removing take the lock of
// the key's stripe. Owned by the gate, outlives its threads. Keys are hashed with SipHash under the process's
// own key.
//
// What may go:
//   held (a tunnel is open)     never
//   used within `recent`        never
//   provisional                 after `provisional_life`, or at once when room is needed, oldest first
//   idle                        after `idle`, or when the table is full, oldest first (about)
//
// Of front doors that agree the table is `managed`: what is in it is their replica's alone
// (docs/agreement.md). Cores use what this gate holds, and ask for the rest; nothing is created, moved,
// evicted or expired by them. last_used then says when this gate used the entry, kNeverUsed if it never did.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/stick/readers.hpp"
#include "router/stick/region_names.hpp"
#include "router/stick/types.hpp"

namespace roomgate::router::stick {

struct Limits {
  std::size_t max_entries = 1'000'000;
  double provisional_share = 0.2;  // of max_entries
  Duration idle = std::chrono::minutes(10);
  Duration recent = seconds(90);  // a request this long ago still holds the room (BOSH has no tunnel)
  Duration provisional_life = seconds(60);
  std::size_t max_shards = 4096;     // ids from 0
  std::size_t eviction_steps = 128;  // entries looked at, at most, to find one to evict
  bool managed = false;              // by a replica
  // agreement.md 4: a core stops using an entry on its own so long before the replica may give it back. Cores
  // go by the time at which their loop woke up, and no loop is that late.
  Duration margin = seconds(10);
};

enum class Use : std::uint8_t {
  page,        // creates a provisional entry
  signalling,  // creates a real one, or makes a provisional one real
};

enum class CreateError : std::uint8_t {
  no_choice,         // the chooser had no shard
  full,              // nothing idle to evict: 503, alarm
  provisional_full,  // a page may not create one now; send it anywhere
};

struct Found {
  Entry entry;
  bool created = false;
};

class Table {
 public:
  using Chooser = std::function<std::optional<Choice>()>;

  explicit Table(Limits limits = {});
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  // Lock-free. Renews the entry, but returns it as it was: last_used is the request before this one. A
  // provisional entry stays provisional.
  std::optional<Entry> find(std::string_view key, TimePoint now);
  // Lock-free, and leaves no trace: for the admin API.
  std::optional<Entry> peek(std::string_view key) const;

  // Any number of simultaneous first requests get one answer: the chooser runs once, under the stripe's lock.
  // It must be quick and must not call the table (but rooms_on()).
  Result<Found, CreateError> find_or_create(std::string_view key, Use use, TimePoint now,
                                            const Chooser& choose);

  // While a tunnel of that room is open. True: the first hold, or the last one gone: what peers are told.
  // hold() on a key that is not there (evicted between find and hold) changes nothing: call find_or_create
  // again.
  // `serial` names the entry that was held: a hold outlives an operator's forget, and must not be taken off
  // the entry that the room has got since.
  struct HoldResult {
    bool known = false;
    bool edge = false;
    std::uint64_t serial = 0;
    ShardId shard = kNoShard;  // of hold(): where the room is now
    bool was_held = false;     // of hold(): by this gate, as find_held() sees it
  };
  HoldResult hold(std::string_view key, TimePoint now);
  HoldResult unhold(std::string_view key, std::uint64_t serial, TimePoint now);

  // Takes over what others decided. True: the table changed; an equal or lower generation is refused.
  bool put(std::string_view key, const Entry& entry, TimePoint now);

  // --- Of a managed table.

  // Lock-free. The entry, renewed, if this gate holds it: by a tunnel, or a request less than `recent` -
  // `margin` ago. nullopt: ask, whatever the table has. What it returned was not given back before it was
  // renewed, and is held since.
  std::optional<Entry> find_held(std::string_view key, TimePoint now);
  // Lock-free. A request of this gate uses the entry, or did until now. False: there is none.
  bool touch(std::string_view key, TimePoint now);

  // What was agreed on, of any generation: the replica has judged. An entry that is there keeps its holds,
  // its serial and its last use; a new one has had none, whatever `entry` says. The replica's thread, like
  // all below.
  void agree(std::string_view key, const Entry& entry);
  // Takes the entry out unless this gate holds it: by a tunnel, or a request within `recent` (but a page's,
  // of a provisional one). False: it holds it.
  bool give_back(std::string_view key, TimePoint now);
  struct LocalUse {
    bool held = false;  // as give_back() sees it
    bool tunnels = false;
    TimePoint last_used{};  // {}: never
  };
  LocalUse local_use(std::string_view key, TimePoint now) const;

  // ---

  // What somebody said who decides in our place: it is so, whatever our copy of the entry says.
  void learn(std::string_view key, const Entry& entry, TimePoint now);

  // Moves the room from one shard to another, generation + 1; its holds stay (they are this gate's tunnels).
  // nullopt: no such entry, or it is on another shard than `from` by now. With `unheld` a room with a tunnel
  // stays.
  enum class MoveIf : std::uint8_t { always, unheld };
  std::optional<Entry> move(std::string_view key, ShardId from, ShardId to, MoveIf condition,
                            Placed why = Placed::failure);

  // Operator's or peer's word: also entries in use. True: it was there.
  bool forget(std::string_view key);

  // Expires what is idle and frees memory; call about once a second. Looks at a share of the table each time
  // and returns the entries it dropped. Of a managed table it frees memory alone.
  std::vector<NamedEntry> tick(TimePoint now);

  // Of who calls tick().
  void set_idle(Duration idle) { limits_.idle = idle; }

  // The first `limit` in that order, of one shard or (kNoShard) of all. Walks the whole table without
  // stopping it; a visitor must not call the table.
  enum class Order : std::uint8_t { key, most_holds };
  std::vector<NamedEntry> list(std::string_view prefix, std::size_t limit, ShardId shard = kNoShard,
                               Order order = Order::key) const;
  void for_each(const std::function<void(std::string_view key, const Entry&)>& visit) const;

  bool in_use(const Entry& entry, TimePoint now) const {
    return entry.holds > 0 || now - entry.last_used < limits_.recent;
  }

  std::size_t size() const { return size_.load(std::memory_order_relaxed); }
  std::size_t provisional() const { return provisional_.load(std::memory_order_relaxed); }
  std::uint64_t evicted() const { return evicted_.load(std::memory_order_relaxed); }
  std::size_t rooms_on(ShardId shard) const;
  RegionNames& regions() { return regions_; }
  const RegionNames& regions() const { return regions_; }
  const Limits& limits() const { return limits_; }

 private:
  friend class TableSteps;  // of tests: what another thread does between two steps
  struct Node;
  class Reading;
  // `marks` has two of 64 bits for each node of the chain, by its hash: a key that is not there is told so by
  // this one line of memory. Written under the stripe's lock.
  struct alignas(16) Bucket {
    std::atomic<std::uint64_t> marks{0};
    std::atomic<Node*> first{nullptr};
  };
  // Oldest first; under the stripe's lock.
  struct Queue {
    Node* front = nullptr;
    Node* back = nullptr;
    void push(Node* node);
    void remove(Node* node);
  };
  struct alignas(64) Stripe {
    mutable std::mutex mutex;
    std::unique_ptr<Bucket[]> buckets;
    Queue real;
    Queue provisional;
    std::size_t count = 0;
    std::deque<std::pair<std::uint64_t, std::unique_ptr<Node>>> retired;  // by tag
  };

  Stripe& stripe_of(std::uint64_t hash) const { return stripes_[hash & (stripe_count_ - 1)]; }
  Bucket& bucket_of(Stripe& stripe, std::uint64_t hash) const;
  Stripe& prefetched_stripe_of(std::uint64_t hash) const;
  // Under a guard or the stripe's lock.
  Node* walk(Stripe& stripe, std::string_view key, std::uint64_t hash) const;
  void visit_stripe(Stripe& stripe, const std::function<void(std::string_view, const Entry&)>& visit) const;

  // `between` is called between the steps that find_held() is about. It does nothing, but in tests.
  template <class Between>
  std::optional<Entry> find_held(std::string_view key, TimePoint now, const Between& between);
  template <class Between>
  bool give_back(std::string_view key, TimePoint now, const Between& between);
  bool usable(const Node& node, TimePoint now) const;
  bool is_held(const Entry& entry, TimePoint now) const;

  // Under the stripe's lock.
  void insert(Stripe& stripe, std::unique_ptr<Node> node);
  void remove(Stripe& stripe, Node* node);
  void replace(Stripe& stripe, Node* node, const Entry& entry);
  void unlink(Stripe& stripe, Node* node);
  void make_real(Stripe& stripe, Node* node);
  void reclaim(Stripe& stripe);
  bool evict_provisional(Stripe& stripe);
  bool evict_idle(Stripe& stripe, TimePoint now);
  // Counts one entry more, evicting where that is needed. False: it does not fit.
  bool reserve(Stripe& own, TimePoint now);
  bool reserve_provisional(Stripe& own);
  // `evict` on the own stripe, else on another that nobody holds.
  bool evict_anywhere(Stripe& own, const std::function<bool(Stripe&)>& evict);
  void count_room(ShardId shard, bool more);

  Limits limits_;
  std::size_t stripe_count_;
  std::size_t buckets_per_stripe_;
  std::unique_ptr<Stripe[]> stripes_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> rooms_;
  mutable Readers readers_;
  RegionNames regions_;
  std::atomic<std::size_t> size_{0};
  std::atomic<std::size_t> provisional_{0};
  std::atomic<std::uint64_t> evicted_{0};
  std::atomic<std::uint64_t> next_serial_{1};
  std::atomic<std::size_t> next_stripe_{0};  // where a search in other stripes begins
};

}  // namespace roomgate::router::stick
