// What a drain has to reach: arrivals, sessions and tunnels. Owned by their coroutines, linked in their
// worker; its core's thread.
#pragma once

#include <boost/intrusive/list.hpp>

#include "base/clock.hpp"

namespace roomgate::router::session {

struct MovedRooms;

class Guest
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  virtual ~Guest() = default;
  // This gate is going away: end now if nothing is under way.
  virtual void leave_when_idle() = 0;
  virtual void leave_now() = 0;
  // Its time is over: a tunnel closes gently, at a moment of its own within `window`.
  virtual void leave_gently(Duration) {}
  // Whoever is in one of them, on the shard that it has left, has to come back.
  virtual void rooms_moved(const MovedRooms&) {}
  // Another process has taken over; there is time.
  virtual void wind_down() {}
};

}  // namespace roomgate::router::session
