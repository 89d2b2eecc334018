// How hard a worker works, as one number: 0 idle, 1 as much as it can do and still be in time, more beyond.
// It is the worst of three shares: of its time, of the packets it may handle, of the delay for which
// datagrams wait for it. One sample a second, smoothed. Sans I/O; one per worker, on its thread.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::sfu::bridge {

struct StressLimits {
  // Of wall time, not of CPU time: a worker that another process keeps from its core is late all the same.
  double busy = 0.9;
  double packets_per_second = 0;    // in and out; 0: what a packet costs is in `busy` already
  Duration lag = milliseconds(30);  // mean wait of datagrams; a single stall is none of our doing
  double rise = 0.6;                // weight of a sample above the value: load is believed soon,
  double fall = 0.25;               // and relief only when it lasts
  double most = 2;                  // of one sample: a stall does not count for minutes
};

struct StressSample {
  Duration elapsed{};
  Duration worked{};  // of `elapsed`
  std::uint64_t packets = 0;
  Duration lag{};  // from a turn's oldest datagram to the end of that turn, on average
};

class StressMeter {
 public:
  explicit StressMeter(const StressLimits& limits) : limits_(limits) {}

  void on_sample(const StressSample& sample);
  double value() const { return value_; }

 private:
  StressLimits limits_;
  double value_ = 0;
};

}  // namespace roomgate::sfu::bridge
