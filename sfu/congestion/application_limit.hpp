// Whether less is sent than the estimate allows: then a quiet path says nothing about how much more it could
// carry, and only probing can tell. Windows of half a second. On the receiver's worker.
#pragma once

#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::sfu::congestion {

class ApplicationLimit {
 public:
  void on_sent(std::size_t bytes) { bytes_ += bytes; }
  // Now and then; `allowed` in bit/s.
  void update(double allowed, TimePoint now) {
    if (began_ == TimePoint{}) began_ = now;
    const Duration elapsed = now - began_;
    if (elapsed < kWindow) return;
    rate_ = static_cast<double>(bytes_) * 8 / std::chrono::duration<double>(elapsed).count();
    limited_ = rate_ < (limited_ ? kLeave : kEnter) * allowed;
    bytes_ = 0;
    began_ = now;
  }
  bool limited() const { return limited_; }
  double sent_rate() const { return rate_; }  // bit/s, of the last window

 private:
  static constexpr Duration kWindow = milliseconds(500);
  static constexpr double kEnter = 0.7;
  static constexpr double kLeave = 0.8;

  std::uint64_t bytes_ = 0;
  TimePoint began_{};
  double rate_ = 0;
  bool limited_ = true;  // nothing has been sent yet
};

}  // namespace roomgate::sfu::congestion
