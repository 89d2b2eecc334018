// How many videos each receiver of a busy worker gets at most: fewer, a step at a time, before packets are
// late or lost for everybody, and more again when it has been quiet for a while. What goes first is what
// matters least (allocation.hpp's order). Sans I/O; one per worker, on its thread.
#pragma once

#include "base/clock.hpp"

namespace roomgate::sfu::bridge {

struct LastNLimits {
  double reduce_at = 0.95;             // of stress; above the one at which new rooms are refused
  double raise_below = 0.75;           // far enough below that a step up does not lead straight down again
  int least = 1;                       // whoever is on stage, or speaks
  Duration reduce_every = seconds(3);  // long enough to see in the stress what the last step did
  Duration reduce_when_late = milliseconds(100);  // while video is left out because there is too much
  Duration raise_every = seconds(10);
};

class LastNLimit {
 public:
  explicit LastNLimit(const LastNLimits& limits) : limits_(limits) {}

  // About once a second. `most`: the videos that the receiver with the most of them would get without a
  // limit. True when the limit has changed.
  bool update(double stress, int most, TimePoint now);
  // Likewise, at any time, when there is more than the worker can forward.
  bool on_late(int most, TimePoint now);

  // Negative: none.
  int limit() const { return limit_; }

 private:
  bool reduce(int most, Duration every, TimePoint now);

  LastNLimits limits_;
  int limit_ = -1;
  TimePoint reduced_{};
  TimePoint calm_since_ = TimePoint::max();
};

}  // namespace roomgate::sfu::bridge
