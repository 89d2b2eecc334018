// Which simulcast layer one receiver gets of one source: the highest alive one not above the target, taken
// up on its next key frame; the old one goes on until then. One per receiver and source, on the
// receiver's worker.
//
//   current  target  packet of             result
//   none     t       t, key frame          current = t, switched
//   c        t != c  t, key frame          current = t, switched
//   c        any     c                     forward
//   any      any     other                 drop
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.hpp"
#include "sfu/forward/source_layers.hpp"

namespace roomgate::sfu::forward {

class LayerSelector {
 public:
  enum class Verdict { forward, switched, drop };

  // Nothing is wanted at first.
  void set_target(Target target) { target_ = target; }
  Target target() const { return target_; }

  Verdict on_packet(const SourceLayers& layers, std::size_t layer, bool starts_keyframe, TimePoint now);

  // The layer to have; empty when nothing is wanted or nothing is alive.
  std::optional<std::size_t> best(const SourceLayers& layers, TimePoint now) const;
  // The layer whose key frame is waited for, to ask for one. Check each 100 ms or so and after
  // set_target: it also notices that the current layer stopped.
  std::optional<std::size_t> wanted_keyframe(const SourceLayers& layers, TimePoint now) const;

  std::optional<std::size_t> current() const { return current_; }
  // The receiver lost its place (or the source its state): start again from a key frame.
  void reset() { current_.reset(); }

 private:
  Target target_;
  std::optional<std::size_t> current_;
};

}  // namespace roomgate::sfu::forward
