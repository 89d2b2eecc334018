// One core of a program: an event loop with its own descriptors, timer wheel and buffers, run by one thread.
// Nothing in it is shared; other threads reach it by post() only. Descriptors are watched edge-triggered and
// registered once: readiness is remembered by whoever watches, so waiting costs no system call of its own.
// All work of a wake-up shares one look at the clock: now(). Owned by the Runtime.
#pragma once

#include <atomic>
#include <boost/intrusive/list.hpp>
#include <functional>
#include <mutex>
#include <vector>

#include "base/clock.hpp"
#include "base/net/buffer_pool.hpp"
#include "base/net/task.hpp"
#include "base/timer_wheel.hpp"

namespace roomgate::net {

using Link = boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// Work for the end of the turn: what was woken, or what gathers output. Unlinks itself when it is destroyed.
class Turn : public Link {
 public:
  virtual void on_turn() = 0;

 protected:
  ~Turn() = default;
};

class Core {
 public:
  // Whoever watches a descriptor. Events are those of epoll(7).
  class Watcher {
   public:
    virtual void on_events(std::uint32_t events) = 0;

   protected:
    ~Watcher() = default;
  };

  explicit Core(std::size_t index);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  std::size_t index() const { return index_; }
  BufferPool& buffers() { return buffers_; }
  // When this wake-up began; outside of run() the clock itself.
  TimePoint now() const { return running_ ? now_ : Clock::now(); }

  // --- The core's thread only.

  void schedule(TimerWheel::Timer& timer, TimePoint deadline) { wheel_.schedule(timer, deadline); }
  // Runs `task` to its first wait now, the rest as it is woken. Exceptions are logged and end it.
  void spawn(Task<void> task);
  // Once, before this turn's end, behind what is there already. Until then it can be taken back by unlinking.
  void soon(Turn& work);
  // Once, when all else of this turn is done: output of several streams goes in one write.
  void at_end_of_turn(Turn& work);

  // Until unwatch(), which comes before the descriptor is closed. False: out of memory or descriptors.
  bool watch(int descriptor, Watcher& watcher);
  void unwatch(int descriptor);
  // Also where another process has the same open file, so that closing ours would not end its events.
  void unwatch_shared(int descriptor);

  // --- Any thread.

  void post(std::function<void()> work);
  void stop();

  // Runs until stop(). The caller's thread becomes the core's.
  void run();
  // Not while it runs: detached coroutines end where they wait, as long as what they speak of is still there.
  void end_coroutines();

 private:
  struct Root;
  struct Slot {
    Watcher* watcher = nullptr;
    std::uint32_t generation = 0;  // events of a descriptor that was closed meanwhile are not its successor's
  };
  using Turns = boost::intrusive::list<Turn, boost::intrusive::constant_time_size<false>>;
  struct Waker final : Watcher {
    explicit Waker(Core& owner) : core(owner) {}
    void on_events(std::uint32_t events) override;
    Core& core;
  };

  static Root run_root(Task<void> task);
  void wake();
  void run_posted();
  int patience() const;
  void end_turn();

  std::size_t index_;
  // Before the coroutines: ending them returns buffers and cancels timers.
  BufferPool buffers_;
  TimerWheel wheel_;
  TimePoint now_;
  bool running_ = false;
  int epoll_ = -1;
  int event_ = -1;
  Waker waker_;
  std::vector<Slot> slots_;  // by descriptor
  Turns soon_;
  Turns last_;
  boost::intrusive::list<Link, boost::intrusive::constant_time_size<false>> roots_;  // detached coroutines

  std::atomic<bool> stopped_{false};
  std::atomic<bool> woken_{false};
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
};

}  // namespace roomgate::net
