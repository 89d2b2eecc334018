// The rate that the delay allows: up by a share a second while the path is unknown, up by about a packet a
// round trip near the rate at which it last filled, down to a share of what arrived when it fills (GCC:
// draft-ietf-rmcat-gcc-02, 5.5). On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"
#include "sfu/congestion/trendline.hpp"

namespace roomgate::sfu::congestion {

class AimdRate {
 public:
  struct Limits {
    double min = 50'000;       // bit/s
    double max = 100'000'000;  // ten people at 2.5 Mbit/s each already ask for 22.5
    double start = 800'000;
  };

  explicit AimdRate(Limits limits) : limits_(limits), rate_(limits.start) {}

  struct Input {
    Usage usage = Usage::normal;
    std::optional<double> acknowledged;  // bit/s
    Duration round_trip = milliseconds(100);
    bool application_limited = false;  // less is sent than allowed, which says nothing about the path
  };
  // Once per feedback. True when it went down.
  bool update(const Input& input, TimePoint now);
  double rate() const { return rate_; }
  // What a probe has measured.
  void set(double rate);

 private:
  // Where the path last filled, smoothed, and how far the samples lie apart.
  struct Capacity {
    double mean = 0;
    double deviation = 0;
    bool known = false;
    void add(double acknowledged);
  };
  void increase(const Input& input, double elapsed);
  void decrease(const Input& input, TimePoint now);

  Limits limits_;
  double rate_;
  Capacity capacity_;
  bool holding_ = false;  // waits for the queue to drain
  TimePoint updated_{};
  TimePoint decreased_{};
};

}  // namespace roomgate::sfu::congestion
