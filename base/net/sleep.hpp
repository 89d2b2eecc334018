// Waiting without a socket: for a time, or for another coroutine of the same core. Owned by the waiter,
// core's thread only.
#pragma once

#include "base/net/waiter.hpp"

namespace roomgate::net {

Task<void> sleep_for(Core& core, Duration time);
// The rest of this turn for others: whoever always finds more to do says so after a while.
Task<void> yield(Core& core);

// Set once, waited for by any number: the end of a coroutine, the start of a drain.
class Event {
 public:
  explicit Event(Core& core) : core_(core) {}

  bool is_set() const { return set_; }
  void set();
  // False when the deadline came first.
  Task<bool> wait(TimePoint deadline);

 private:
  struct Sleeper final : Link {
    explicit Sleeper(Core& core) : waiter(core) {}
    Waiter waiter;
  };

  Core& core_;
  boost::intrusive::list<Sleeper, boost::intrusive::constant_time_size<false>> sleepers_;
  bool set_ = false;
};

}  // namespace roomgate::net
