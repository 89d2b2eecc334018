#include "sfu/forward/layer_rates.hpp"

#include <algorithm>

namespace roomgate::sfu::forward {
namespace {

// Younger sources are measured as if they were this old, so that a first key frame is not taken for a rate.
constexpr Duration kLeastCovered = milliseconds(500);

}  // namespace

void LayerRates::on_packet(std::size_t spatial, std::size_t temporal, std::size_t bytes, bool shared,
                           bool starts_frame, TimePoint now) {
  if (spatial >= kMaxLayers) return;
  first_ = std::min(first_, now);
  const std::int64_t number = number_of(now);
  Slot& slot = slots_[static_cast<std::size_t>(number) % kSlots];
  if (slot.number != number) slot = Slot{.number = number};
  Counts& counts = slot.layers[spatial][std::min(temporal, kMaxTemporals - 1)];
  (shared ? counts.shared : counts.own) += static_cast<std::uint32_t>(bytes);
  if (starts_frame) ++counts.frames;
}

LayerRates::Counts LayerRates::counts(std::size_t spatial, std::size_t temporal, TimePoint now) const {
  Counts sum;
  if (spatial >= kMaxLayers) return sum;
  const std::int64_t oldest = number_of(now) - static_cast<std::int64_t>(kSlots) + 1;
  for (const Slot& slot : slots_) {
    if (slot.number < oldest) continue;
    for (std::size_t t = 0; t < kMaxTemporals && t <= temporal; ++t) {
      const Counts& counts = slot.layers[spatial][t];
      sum.own += counts.own;
      sum.shared += counts.shared;
      sum.frames += counts.frames;
    }
  }
  return sum;
}

Duration LayerRates::covered(TimePoint now) const {
  const TimePoint begin{kSlot * (number_of(now) - static_cast<std::int64_t>(kSlots) + 1)};
  return std::max<Duration>(now - std::max(begin, std::min(first_, now)), kLeastCovered);
}

}  // namespace roomgate::sfu::forward
