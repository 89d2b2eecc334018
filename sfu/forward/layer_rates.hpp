// What the layers of one source carried in the last second, by spatial and temporal layer: bytes on the wire
// and frames. A ring of slots; O(1) per packet. With the source, on the conference's worker.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hpp"
#include "sfu/forward/target.hpp"

namespace roomgate::sfu::forward {

class LayerRates {
 public:
  static constexpr Duration kSlot = milliseconds(125);
  static constexpr std::size_t kSlots = 8;

  struct Counts {
    std::uint32_t own = 0;     // bytes that only receivers of just this layer need
    std::uint32_t shared = 0;  // bytes that receivers of higher spatial layers need as well
    std::uint32_t frames = 0;
  };

  void on_packet(std::size_t spatial, std::size_t temporal, std::size_t bytes, bool shared, bool starts_frame,
                 TimePoint now);
  // Up to and with `temporal`, over the window.
  Counts counts(std::size_t spatial, std::size_t temporal, TimePoint now) const;
  // How much time the window covers: less than its length when the source is younger.
  Duration covered(TimePoint now) const;

 private:
  struct Slot {
    std::int64_t number = -1;
    std::array<std::array<Counts, kMaxTemporals>, kMaxLayers> layers{};
  };
  static std::int64_t number_of(TimePoint at) { return at.time_since_epoch() / kSlot; }

  std::array<Slot, kSlots> slots_{};
  TimePoint first_ = TimePoint::max();
};

}  // namespace roomgate::sfu::forward
