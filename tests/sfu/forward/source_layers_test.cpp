#include "sfu/forward/source_layers.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::forward;

namespace {

const TimePoint kStart{seconds(100)};

}  // namespace

TEST_CASE("each layer is half as high as the next, and their number is bounded") {
  const SourceLayers three(3);
  CHECK(three.height(0) == 180);
  CHECK(three.height(1) == 360);
  CHECK(three.height(2) == 720);
  CHECK(SourceLayers(0).count() == 1);
  CHECK(SourceLayers(99).count() == kMaxLayers);
}

TEST_CASE("a layer is dead when it is silent while others go on") {
  SourceLayers layers(2);
  CHECK_FALSE(layers.alive(0, kStart));
  layers.on_packet(0, 1, kStart);
  layers.on_packet(1, 1, kStart);
  CHECK(layers.alive(1, kStart));

  for (std::uint32_t frame = 1; frame <= 20; ++frame) {
    layers.on_packet(0, frame * 3000, kStart + milliseconds(33) * frame);
    const bool expected = frame * 33 <= 500;
    CHECK(layers.alive(1, kStart + milliseconds(33) * frame) == expected);
  }

  layers.on_packet(1, 99, kStart + seconds(1));
  CHECK(layers.alive(1, kStart + seconds(1)));
}

TEST_CASE("a still screen share, one frame in seconds on all layers, stays alive") {
  SourceLayers layers(3);
  for (std::uint32_t frame = 1; frame < 10; ++frame) {
    const TimePoint now = kStart + seconds(2) * frame;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      for (int packet = 0; packet < 5; ++packet) layers.on_packet(layer, frame * 180000, now);
      if (frame > 1) {
        for (std::size_t other = 0; other < 3; ++other) CHECK(layers.alive(other, now));
      }
    }
  }
}

TEST_CASE("maps a timestamp from one layer's clock to another's") {
  const std::uint64_t second = std::uint64_t{1} << 32;
  const RtpClock from{1000 * second, 0xfffffff0};
  const RtpClock to{1001 * second, 500'000};

  // 2 s after `from` was taken is 1 s after `to` was.
  CHECK(map_timestamp(0xfffffff0 + 180000u, from, to) == 590'000);
  CHECK(map_timestamp(0xfffffff0, from, to) == 410'000);
}

TEST_CASE("layers out of range are ignored") {
  SourceLayers layers(2);
  layers.on_packet(7, 1, kStart);
  layers.on_sender_report(7, 1, 1);
  CHECK_FALSE(layers.alive(0, kStart));
}
