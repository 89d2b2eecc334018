// The rate we allow a client that has no transport-wide feedback, told to it by REMB about once a second:
// from the loss we see, in the manner of loss-based control. Pure.
#pragma once

#include <cstdint>

namespace roomgate::sfu::congestion {

struct RembLimits {
  std::uint64_t min_bitrate = 150'000;
  std::uint64_t start_bitrate = 1'500'000;
  std::uint64_t max_bitrate = 6'000'000;
};

// `previous` is what was last told (0: nothing yet), `received` the bit rate that arrived in the last
// interval, `loss` the fraction lost of it, 0 to 1.
std::uint64_t remb_target(std::uint64_t previous, std::uint64_t received, double loss,
                          const RembLimits& limits = {});

}  // namespace roomgate::sfu::congestion
