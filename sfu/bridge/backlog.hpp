// Whether more comes than a worker can forward: what it reads has waited for long, although it has worked on
// for a while since that began. After a stall alone (another process had the core) the backlog is soon worked
// off, and everything in it is worth sending. Sans I/O; one per worker, on its thread.
#pragma once

#include <algorithm>

#include "base/clock.hpp"

namespace roomgate::sfu::bridge {

struct BacklogLimits {
  Duration waited = milliseconds(15);  // video older than this is left out while there is too much
  Duration worked = milliseconds(30);  // CPU time; together they bound what sound has to wait
};

class Backlog {
 public:
  explicit Backlog(const BacklogLimits& limits) : limits_(limits) {}

  bool is_long(Duration waited) const { return waited > limits_.waited; }

  // With each batch read: how long its oldest datagram has waited, and (asked only when that is long) the CPU
  // time that the worker has had so far.
  template <class CpuTime>
  void on_batch(Duration waited, CpuTime&& worked) {
    if (!is_long(waited)) {
      since_ = kNever;
      too_much_ = false;
      return;
    }
    const Duration now = worked();
    since_ = std::min(since_, now);
    too_much_ = now - since_ >= limits_.worked;
  }

  bool too_much() const { return too_much_; }

 private:
  static constexpr Duration kNever = Duration::max();

  BacklogLimits limits_;
  Duration since_ = kNever;  // CPU time when it began to wait for long
  bool too_much_ = false;
};

}  // namespace roomgate::sfu::bridge
