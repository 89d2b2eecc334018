#include "sfu/congestion/remb_target.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {

std::uint64_t remb_target(std::uint64_t previous, std::uint64_t received, double loss,
                          const RembLimits& limits) {
  if (previous == 0) return std::clamp(limits.start_bitrate, limits.min_bitrate, limits.max_bitrate);
  double target = static_cast<double>(previous);
  if (loss > 0.10) {
    target *= 1.0 - 0.5 * std::min(loss, 1.0);
  } else if (loss < 0.02) {
    // Growth follows what is used: an allowance far above it would say nothing about the path.
    const double useful =
        std::max(2.0 * static_cast<double>(received), static_cast<double>(limits.start_bitrate));
    target = std::max(target, std::min(target * 1.08, useful));
  }
  return std::clamp(static_cast<std::uint64_t>(target), limits.min_bitrate, limits.max_bitrate);
}

}  // namespace roomgate::sfu::congestion
