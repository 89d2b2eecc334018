// What one receiver is to get of one video source, and the heights that wishes are said in. Values; any
// thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace roomgate::sfu::forward {

inline constexpr std::size_t kMaxLayers = 4;     // spatial: simulcast streams, or layers of one SVC stream
inline constexpr std::size_t kMaxTemporals = 4;  // per spatial layer; higher ids count as the highest

// A receiver's wish for one source, as its maxHeight says it: 0 nothing, negative as much as there is.
inline constexpr int kNoVideo = 0;
inline constexpr int kAnyHeight = -1;

// The best a receiver may have. What is not there is replaced by the next below (layer_selector.hpp).
struct Target {
  static constexpr std::int8_t kNothing = -1;
  static constexpr std::int8_t kAllTemporals = 7;

  std::int8_t spatial = kNothing;  // low to high
  std::int8_t temporal = kAllTemporals;
  friend bool operator==(const Target&, const Target&) = default;
};

inline constexpr Target kEverything{.spatial = kMaxLayers - 1, .temporal = Target::kAllTemporals};

}  // namespace roomgate::sfu::forward
