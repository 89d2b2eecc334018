// How fast a counter grew lately: one reading a second goes in, the last minute is kept. Owned by the gate's
// control core.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

namespace roomgate::router::admin {

class RateWindow {
 public:
  static constexpr std::size_t kSeconds = 60;

  // The counter as it is now.
  void sample(std::uint64_t total) {
    next_ = (next_ + 1) % readings_.size();
    readings_[next_] = total;
    filled_ = std::min(filled_ + 1, readings_.size());
  }
  // Growth over the last `seconds`, or as far as readings go back.
  std::uint64_t growth(std::size_t seconds) const {
    const std::size_t back = reach(seconds);
    return readings_[next_] - readings_[(next_ + readings_.size() - back) % readings_.size()];
  }
  double per_second(std::size_t seconds) const {
    const std::size_t back = reach(seconds);
    return back == 0 ? 0 : static_cast<double>(growth(seconds)) / static_cast<double>(back);
  }

 private:
  std::size_t reach(std::size_t seconds) const {
    return filled_ == 0 ? 0 : std::min({seconds, filled_ - 1, kSeconds});
  }
  std::array<std::uint64_t, kSeconds + 1> readings_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
};

}  // namespace roomgate::router::admin
