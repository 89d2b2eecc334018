// What one sender may send: packets and bytes, as an account that is filled ten times a second and holds one
// second's worth. A packet costs two subtractions and no look at a clock. Only authentic packets are taken
// from it, so nobody who forges an address can use up somebody else's; and while it is empty packets are
// dropped before they are decrypted, so a flood costs little. Sans I/O; part of an endpoint.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace roomgate::sfu::bridge {

struct SenderLimits {
  double packets_per_second = 4000;  // 1080p with its lower layers, a screen and audio: about 1500
  double bits_per_second = 40e6;
};

class SenderAllowance {
 public:
  explicit SenderAllowance(const SenderLimits& limits)
      : packets_per_second_(limits.packets_per_second), bytes_per_second_(limits.bits_per_second / 8) {
    fill(seconds(1));
  }

  bool open() const { return packets_ >= 1 && bytes_ > 0; }
  // May go below zero by one packet, which the next filling makes up for.
  void take(std::size_t bytes) {
    packets_ -= 1;
    bytes_ -= static_cast<double>(bytes);
  }
  void fill(Duration elapsed) {
    const double share = std::chrono::duration<double>(elapsed).count();
    packets_ = std::min(packets_per_second_, packets_ + share * packets_per_second_);
    bytes_ = std::min(bytes_per_second_, bytes_ + share * bytes_per_second_);
  }

 private:
  double packets_per_second_;
  double bytes_per_second_;
  double packets_ = 0;
  double bytes_ = 0;
};

}  // namespace roomgate::sfu::bridge
