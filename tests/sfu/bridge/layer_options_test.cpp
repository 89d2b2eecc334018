#include "sfu/bridge/layer_options.hpp"

#include <doctest/doctest.h>

#include <utility>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::bridge;

namespace {

const TimePoint kStart{seconds(100)};

// A second of 30 frames; `bytes` a frame on each layer, every second frame of the upper temporal layer.
forward::SourceLayers second_of(std::vector<std::size_t> bytes) {
  forward::SourceLayers layers(bytes.size());
  for (unsigned frame = 0; frame < 30; ++frame) {
    for (std::size_t layer = 0; layer < bytes.size(); ++layer) {
      if (bytes[layer] == 0) continue;
      layers.on_packet({.stream = layer,
                        .sequence = static_cast<std::uint16_t>(frame),
                        .timestamp = frame * 3000,
                        .payload_size = bytes[layer],
                        .temporal = static_cast<std::uint8_t>(frame % 2)},
                       bytes[layer], kStart + frame * microseconds(33'333));
    }
  }
  return layers;
}
const TimePoint kEnd = kStart + seconds(1);

// Whatever is sent has been for long.
LayerWatch settled() {
  LayerWatch watch;
  for (auto& layer : watch.layers) layer.alive = kStart - seconds(60);
  return watch;
}

std::vector<std::pair<int, int>> targets(const LayerOptions& options) {
  std::vector<std::pair<int, int>> out;
  for (const LayerOption& each : options.view()) out.emplace_back(each.target.spatial, each.target.temporal);
  return out;
}

using Targets = std::vector<std::pair<int, int>>;

}  // namespace

TEST_CASE("a camera loses resolution before motion, and motion only at its lowest resolution") {
  const auto layers = second_of({600, 2000, 6000});

  const LayerOptions options = layer_options(layers, 720, false, settled(), kEnd);

  CHECK(targets(options) == Targets{{0, 0}, {0, 7}, {1, 7}, {2, 7}});
  CHECK(options[0].bitrate == doctest::Approx(72'000).epsilon(0.1));
  CHECK(options[1].bitrate == doctest::Approx(144'000).epsilon(0.1));
  CHECK(options[3].bitrate == doctest::Approx(1'440'000).epsilon(0.1));
}

TEST_CASE("a screen loses motion before resolution") {
  const auto layers = second_of({600, 2000, 6000});

  CHECK(targets(layer_options(layers, 720, true, settled(), kEnd)) ==
        Targets{{0, 0}, {1, 0}, {2, 0}, {2, 7}});
}

TEST_CASE("no option exceeds the wish, and the best asks the sender for exactly what was wished for") {
  const auto layers = second_of({600, 2000, 6000});

  const LayerOptions low = layer_options(layers, 200, false, settled(), kEnd);
  CHECK(low[low.size() - 1].target.spatial == 0);
  CHECK(low[low.size() - 1].height == 200);

  const LayerOptions all = layer_options(layers, forward::kAnyHeight, false, settled(), kEnd);
  CHECK(all[all.size() - 1].height == forward::kAnyHeight);
  CHECK(all[all.size() - 2].height == 360);
}

TEST_CASE("a layer that is not being sent costs what clients usually give it") {
  const auto layers = second_of({600, 0, 0});

  const LayerOptions options = layer_options(layers, 720, false, settled(), kEnd);

  CHECK(options[options.size() - 1].target.spatial == 2);
  CHECK(options[options.size() - 1].bitrate == doctest::Approx(1'500'000));
}

TEST_CASE("a layer that has just begun costs no less than clients usually give it") {
  const auto layers = second_of({600, 2000, 3000});
  LayerWatch watch = settled();
  const LayerOptions old = layer_options(layers, 720, false, watch, kEnd);
  CHECK(old[old.size() - 1].bitrate == doctest::Approx(720'000).epsilon(0.1));

  watch.layers[2].alive = kEnd - milliseconds(500);
  const LayerOptions options = layer_options(layers, 720, false, watch, kEnd);
  CHECK(options[options.size() - 1].bitrate == doctest::Approx(1'500'000));
}

TEST_CASE("the watch tells since when a layer is there, or asked for and not there") {
  const auto layers = second_of({600, 0, 0});
  LayerWatch watch;
  watch.update(layers, 1, kEnd);
  watch.update(layers, 1, kEnd + milliseconds(100));

  CHECK(watch.layers[0].alive == kEnd);
  CHECK(watch.layers[1].missing == kEnd);
  CHECK_FALSE(watch.layers[2].missing);

  watch.update(layers, -1, kEnd + milliseconds(200));
  CHECK_FALSE(watch.layers[1].missing);
}

TEST_CASE("a layer that was asked for in vain costs what is sent in its place") {
  const auto layers = second_of({600, 2000, 0});
  LayerWatch watch = settled();
  watch.layers[2] = {.alive = {}, .missing = kEnd - seconds(4)};

  const LayerOptions options = layer_options(layers, 720, false, watch, kEnd);

  CHECK(options[options.size() - 1].target.spatial == 2);
  CHECK(options[options.size() - 1].bitrate == doctest::Approx(480'000).epsilon(0.1));
}

TEST_CASE("a still screen is charged for the page that comes next") {
  const auto layers = second_of({10});

  const LayerOptions options = layer_options(layers, 720, true, settled(), kEnd);

  CHECK(options[options.size() - 1].target == forward::kEverything);
  CHECK(options[options.size() - 1].bitrate == doctest::Approx(375'000));
}

TEST_CASE("what is held is found again as the best option not above it") {
  const LayerOptions options = layer_options(second_of({600, 2000, 6000}), 720, false, settled(), kEnd);

  CHECK(options.position({}) == -1);
  CHECK(options.position({0, 0}) == 0);
  CHECK(options.position({0, 7}) == 1);
  CHECK(options.position({2, 3}) == 2);
  CHECK(options.position(forward::kEverything) == 3);
}
