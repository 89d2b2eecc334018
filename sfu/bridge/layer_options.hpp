// The ways in which one source can be sent to a receiver with a wish, cheapest first, and what each costs.
// A camera keeps its motion: it drops temporal layers only at its lowest resolution. A screen keeps its
// sharpness: it drops them before resolution. Pure; on the conference's worker.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/clock.hpp"
#include "sfu/forward/source_layers.hpp"

namespace roomgate::sfu::bridge {

struct LayerOption {
  forward::Target target;
  int height = 0;  // what its sender must be asked for; negative: all it has
  double bitrate = 0;
  friend bool operator==(const LayerOption&, const LayerOption&) = default;
};

class LayerOptions {
 public:
  static constexpr std::size_t kMost = forward::kMaxLayers + forward::kMaxTemporals;

  // What gives more for no more replaces what is there.
  void add(const LayerOption& option);
  std::span<const LayerOption> view() const { return std::span(options_).first(count_); }
  std::size_t size() const { return count_; }
  const LayerOption& operator[](std::size_t i) const { return options_[i]; }
  // The best that is not better than `held`; -1 when there is none.
  int position(forward::Target held) const;

 private:
  std::array<LayerOption, kMost> options_{};
  std::size_t count_ = 0;
};

// Since when each layer is being sent, or is asked of its sender and does not come.
struct LayerWatch {
  struct Layer {
    std::optional<TimePoint> alive;
    std::optional<TimePoint> missing;
  };
  std::array<Layer, forward::kMaxLayers> layers;

  // Now and then; receivers are to get layers up to `top`, -1: none.
  void update(const forward::SourceLayers& source, int top, TimePoint now);
};

// `wish` as in target.hpp, not 0.
LayerOptions layer_options(const forward::SourceLayers& layers, int wish, bool screen,
                           const LayerWatch& watch, TimePoint now);

}  // namespace roomgate::sfu::bridge
