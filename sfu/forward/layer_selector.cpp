#include "sfu/forward/layer_selector.hpp"

namespace roomgate::sfu::forward {

std::optional<std::size_t> LayerSelector::best(const SourceLayers& layers, TimePoint now) const {
  if (target_.spatial < 0) return std::nullopt;
  std::optional<std::size_t> best;
  for (std::size_t layer = 0; layer < layers.count(); ++layer) {
    if (!layers.alive(layer, now)) continue;
    // The lowest alive layer always does: more than wanted is better than no picture.
    if (!best || static_cast<int>(layer) <= target_.spatial) best = layer;
  }
  return best;
}

LayerSelector::Verdict LayerSelector::on_packet(const SourceLayers& layers, std::size_t layer,
                                                bool starts_keyframe, TimePoint now) {
  if (target_.spatial < 0) {
    current_.reset();
    return Verdict::drop;
  }
  if (starts_keyframe && current_ != layer && best(layers, now) == layer) {
    current_ = layer;
    return Verdict::switched;
  }
  return current_ == layer ? Verdict::forward : Verdict::drop;
}

std::optional<std::size_t> LayerSelector::wanted_keyframe(const SourceLayers& layers, TimePoint now) const {
  const auto wanted = best(layers, now);
  return wanted == current_ ? std::nullopt : wanted;
}

}  // namespace roomgate::sfu::forward
