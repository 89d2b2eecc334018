// A rate of which the peaks count: what a group of streams may need again, when many are silent now. Half
// seconds; up at once, down slowly. On the receiver's worker.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::sfu::congestion {

class PeakRate {
 public:
  void add(std::size_t bytes) { bytes_ += bytes; }
  void update(TimePoint now) {
    if (began_ == TimePoint{}) began_ = now;
    const Duration elapsed = now - began_;
    if (elapsed < kWindow) return;
    const double rate = static_cast<double>(bytes_) * 8 / std::chrono::duration<double>(elapsed).count();
    rate_ = std::max(rate, kDecay * rate_);
    bytes_ = 0;
    began_ = now;
  }
  double rate() const { return rate_; }  // bit/s

 private:
  static constexpr Duration kWindow = milliseconds(500);
  static constexpr double kDecay = 0.95;

  std::uint64_t bytes_ = 0;
  TimePoint began_{};
  double rate_ = 0;
};

}  // namespace roomgate::sfu::congestion
