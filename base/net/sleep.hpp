// Waiting without a socket: for a time, or for another coroutine of the same core. Owned by the waiter,
// core's thread only.
#pragma once

#include <boost/asio/steady_timer.hpp>

#include "base/net/core.hpp"
#include "base/net/stream.hpp"

namespace roomgate::net {

Task<void> sleep_for(Core& core, Duration time);

// Set once, waited for by any number: the end of a coroutine, the start of a drain.
class Event {
 public:
  explicit Event(Core& core);

  bool is_set() const { return set_; }
  void set();
  // False when the deadline came first.
  Task<bool> wait(TimePoint deadline);

 private:
  Core& core_;
  boost::asio::steady_timer gate_;  // never expires; cancelling it wakes every waiter
  bool set_ = false;
};

}  // namespace roomgate::net
