// Who may have the next of a shard's max_connections. SlotAccount counts them over all cores (any thread, no
// lock); SlotLine is one core's waiting line for one shard, first come first served (that core's thread).
// Sans-I/O: the caller carries a slot to the core that leave() names, and watches deadlines.
//
//   a slot comes back   own line and no other waits clearly longer   its first gets it
//                       another core's first waits longer            it goes there, still counted
//                       nobody waits                                 it is free
//
// A free slot and somebody who waits cannot meet and miss each other: who comes to wait says so and then
// looks for a free slot, who gives one back does so and then looks for a line. Both are sequentially
// consistent.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.hpp"

namespace roomgate::router::upstream {

class SlotAccount {
 public:
  explicit SlotAccount(std::size_t cores);

  // One more of at most `limit`.
  bool take(std::uint32_t limit);
  void add(std::uint32_t slots) { used_.fetch_add(slots); }
  void give(std::uint32_t slots = 1) { used_.fetch_sub(slots); }
  std::uint32_t used() const { return used_.load(); }

  // One more in the lines of all cores, at most `bound`.
  bool wait(std::uint32_t bound);
  void stop_waiting() { waiting_.fetch_sub(1); }
  std::uint32_t waiting() const { return waiting_.load(); }

  // Since when the first of that core's line has waited; TimePoint::max(): nobody.
  void set_first(std::size_t core, TimePoint since);
  struct First {
    std::size_t core;
    TimePoint since;
  };
  // Of all other cores' lines.
  std::optional<First> longest_waiting(std::size_t except) const;

  // Connections kept idle by each core: they count against the limit, but close first.
  void set_idle(std::size_t core, std::size_t connections);
  std::size_t idle() const;
  std::optional<std::size_t> core_with_idle(std::size_t except) const;

 private:
  struct alignas(64) PerCore {
    std::atomic<Duration::rep> first{Duration::max().count()};
    std::atomic<std::size_t> idle{0};
  };
  std::size_t cores_;
  std::unique_ptr<PerCore[]> per_core_;
  std::atomic<std::uint32_t> used_{0};
  std::atomic<std::uint32_t> waiting_{0};
};

class SlotLine {
 public:
  // Another core's first goes before our own only if it has waited so much longer: a slot that stays costs no
  // wake-up of another thread.
  static constexpr Duration kOwnFirst = milliseconds(10);

  class Waiter
      : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::safe_link>> {
   public:
    virtual ~Waiter() = default;
    // It has left the line and has a slot. Must not call back into the line.
    virtual void on_slot() = 0;

   private:
    friend class SlotLine;
    TimePoint since_{};
  };

  SlotLine(SlotAccount& account, std::size_t core) : account_(account), core_(core) {}

  enum class Entry { taken, queued, full };
  // `bound`: how many may wait on all cores together.
  Entry enter(Waiter& waiter, std::uint32_t bound, TimePoint now);
  // As enter, for who does not want to wait.
  bool try_enter();
  // Of a waiter that is still in line.
  void give_up(Waiter& waiter);
  // A slot comes back. The core it is to be carried to: its line's receive().
  std::optional<std::size_t> leave();
  std::optional<std::size_t> receive();
  // 0: no limit, nothing is counted over cores. Who waits and now may enter does.
  void set_limit(std::uint32_t limit);

  bool limited() const { return limit_ > 0; }
  std::uint32_t limit() const { return limit_; }
  std::uint32_t open() const { return open_; }
  std::size_t length() const { return length_; }
  SlotAccount& account() { return account_; }

 private:
  std::optional<std::size_t> pass_on();
  void admit_first();
  void remove(Waiter& waiter);
  void publish_first();

  SlotAccount& account_;
  std::size_t core_;
  std::uint32_t limit_ = 0;
  std::uint32_t open_ = 0;  // held by this core; counted in the account while there is a limit
  std::size_t length_ = 0;
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> line_;
};

}  // namespace roomgate::router::upstream
