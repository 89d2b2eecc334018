#include "sfu/bridge/layer_options.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace roomgate::sfu::bridge {
namespace {

constexpr double kNominalAt720 = 1'500'000;  // what clients give 720 lines of camera
constexpr double kNominalExponent = 1.6;
constexpr double kLeastOfScreen = 0.25;  // of the nominal rate: a still page costs nothing until it changes
constexpr double kMostOfLowest = 2;      // times the nominal rate
constexpr double kLeastFrameRate = 7;    // fewer are no motion
constexpr double kLeastSaving = 0.95;    // of the rate with all temporal layers
constexpr Duration kHopeless = seconds(3);
constexpr Duration kYoung = milliseconds(1200);

// What a layer that is not being sent would cost.
double nominal(int height) { return kNominalAt720 * std::pow(height / 720.0, kNominalExponent); }

auto order_of(forward::Target target) { return std::tuple(target.spatial, target.temporal); }

}  // namespace

void LayerOptions::add(const LayerOption& option) {
  while (count_ > 0 && options_[count_ - 1].bitrate >= option.bitrate) --count_;
  if (count_ < kMost) options_[count_++] = option;
}

int LayerOptions::position(forward::Target held) const {
  int at = -1;
  for (std::size_t i = 0; i < count_; ++i) {
    if (order_of(options_[i].target) <= order_of(held)) at = static_cast<int>(i);
  }
  return at;
}

void LayerWatch::update(const forward::SourceLayers& source, int top, TimePoint now) {
  for (std::size_t i = 0; i < source.count(); ++i) {
    Layer& layer = layers[i];
    const bool alive = source.alive(i, now);
    const bool missing = !alive && static_cast<int>(i) <= top;
    if (!alive) layer.alive.reset();
    if (!missing) layer.missing.reset();
    if (alive && !layer.alive) layer.alive = now;
    if (missing && !layer.missing) layer.missing = now;
  }
}

LayerOptions layer_options(const forward::SourceLayers& layers, int wish, bool screen,
                           const LayerWatch& watch, TimePoint now) {
  LayerOptions options;
  // A stream alone may be wanted whole before it has told what it consists of: then the target is above what
  // is known, and costs what is known.
  const std::int8_t wanted = layers.target_for(wish).spatial;
  const std::size_t top = std::min(static_cast<std::size_t>(wanted), layers.count() - 1);
  double below = 0;
  for (std::size_t spatial = 0; spatial <= top; ++spatial) {
    const bool alive = layers.alive(spatial, now);
    double whole = layers.bitrate(spatial, forward::kMaxTemporals - 1, now);
    if (!alive) {
      // Asked for and not coming: its target falls back to what is there, and costs that. A source that sends
      // nothing at all, perhaps not yet, costs nothing and is let begin.
      const auto& missing = watch.layers[spatial].missing;
      const bool hopeless = missing && now - *missing > kHopeless;
      whole = hopeless || spatial == 0 ? below : nominal(layers.height(spatial));
    }
    // What has just begun was not sent for all of the second that is measured.
    const auto& since = watch.layers[spatial].alive;
    if (alive && spatial > 0 && (!since || now - *since < kYoung)) {
      whole = std::max(whole, nominal(layers.height(spatial)));
    }
    // In its first second a stream is mostly its key frame, which must not keep its lowest layer out.
    if (spatial == 0 && layers.count() > 1)
      whole = std::min(whole, kMostOfLowest * nominal(layers.height(0)));
    if (screen) whole = std::max(whole, kLeastOfScreen * nominal(layers.height(spatial)));
    below = whole;
    const auto id = spatial == top ? wanted : static_cast<std::int8_t>(spatial);
    const int height = spatial == top ? wish : layers.height(spatial);
    if (alive && (screen || spatial == 0)) {
      for (std::size_t temporal = 0; temporal + 1 < forward::kMaxTemporals; ++temporal) {
        const double part = layers.bitrate(spatial, temporal, now);
        if (part <= 0 || part > kLeastSaving * whole) continue;
        if (!screen && layers.frame_rate(spatial, temporal, now) < kLeastFrameRate) continue;
        options.add({{id, static_cast<std::int8_t>(temporal)}, height, part});
        if (screen) break;
      }
    }
    // Of a screen the full rate is worth something only at its best resolution.
    if (!screen || spatial == top || options.size() == 0 ||
        options[options.size() - 1].target.spatial != id) {
      options.add({{id, forward::Target::kAllTemporals}, height, whole});
    }
  }
  return options;
}

}  // namespace roomgate::sfu::bridge
