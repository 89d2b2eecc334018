// One core's side of max_connections: a request enters before it opens or takes a connection to the shard,
// and a Slot is its place there until the exchange or the tunnel ends. Without a limit entering is counting
// up. Idle connections count against the limit as well, but one of them closes before anybody waits for it.
// Owned by the core's worker, its thread; SlotAccounts is the gate's.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/net/channel.hpp"
#include "base/net/waiter.hpp"
#include "router/stick/types.hpp"
#include "router/upstream/slot_line.hpp"

namespace roomgate::router::upstream {

// By shard, for all cores. Any thread; the references stay valid.
class SlotAccounts {
 public:
  explicit SlotAccounts(std::size_t cores) : cores_(cores) {}
  SlotAccount& of(stick::ShardId shard);

 private:
  std::size_t cores_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<SlotAccount>> accounts_;
};

class Slots;

// A place at a shard; given back at its end. Its core's thread.
class Slot {
 public:
  Slot() = default;
  Slot(Slots& slots, stick::ShardId shard) : slots_(&slots), shard_(shard) {}
  Slot(Slot&& other) noexcept : slots_(std::exchange(other.slots_, nullptr)), shard_(other.shard_) {}
  Slot& operator=(Slot&& other) noexcept {
    if (this != &other) {
      release();
      slots_ = std::exchange(other.slots_, nullptr);
      shard_ = other.shard_;
    }
    return *this;
  }
  ~Slot() { release(); }
  void release();
  bool held() const { return slots_ != nullptr; }
  stick::ShardId shard() const { return shard_; }

 private:
  Slots* slots_ = nullptr;
  stick::ShardId shard_ = stick::kNoShard;
};

enum class Refusal {
  full,  // so many wait already
  late,  // the deadline passed
  gone,  // the client left meanwhile
};

class Slots {
 public:
  // How another core is reached: its receive() and its close_idle are to be called there.
  struct Others {
    std::function<void(std::size_t core, stick::ShardId shard)> pass_slot;
    std::function<void(std::size_t core, stick::ShardId shard)> close_idle;
  };

  Slots(net::Core& core, SlotAccounts& accounts) : core_(core), accounts_(accounts) {}
  void set_others(Others others) { others_ = std::move(others); }

  // max_connections of that shard; 0: no limit.
  void set_limit(stick::ShardId shard, std::uint32_t limit);
  // limits.queue_per_shard, over all cores.
  void set_bound(std::uint32_t bound) { bound_ = bound; }

  // Without waiting.
  std::optional<Slot> try_enter(stick::ShardId shard);
  // Waits in line. Whoever is gone while it waits leaves its place: `client` is asked now and then.
  net::Task<Result<Slot, Refusal>> enter(stick::ShardId shard, TimePoint deadline, net::Channel& client);
  // From another core.
  void receive(stick::ShardId shard);

  // What the pool keeps; and whether it has to close one before another connection is opened.
  void set_idle(stick::ShardId shard, std::size_t connections);
  bool crowded(stick::ShardId shard);
  // Another core's, where this one has none.
  void close_idle_elsewhere(stick::ShardId shard);

  std::size_t waiting(stick::ShardId shard) { return line(shard).length(); }
  std::uint32_t open(stick::ShardId shard) { return line(shard).open(); }

 private:
  friend class Slot;
  struct Waiting final : SlotLine::Waiter {
    explicit Waiting(net::Core& core) : waiter(core) {}
    void on_slot() override {
      entered = true;
      waiter.wake({});
    }
    bool entered = false;
    net::Waiter waiter;
  };
  static constexpr Duration kLook = milliseconds(250);  // at a client that waits

  SlotLine& line(stick::ShardId shard);
  void leave(stick::ShardId shard);
  void pass(std::optional<std::size_t> core, stick::ShardId shard);

  net::Core& core_;
  SlotAccounts& accounts_;
  Others others_;
  std::uint32_t bound_ = 1000;
  std::vector<std::unique_ptr<SlotLine>> lines_;  // by shard
};

inline void Slot::release() {
  if (slots_ != nullptr) std::exchange(slots_, nullptr)->leave(shard_);
}

}  // namespace roomgate::router::upstream
