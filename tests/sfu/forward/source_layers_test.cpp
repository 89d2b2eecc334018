#include "sfu/forward/source_layers.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::forward;

namespace {

const TimePoint kStart{seconds(100)};

VideoPacket packet_of(std::size_t layer, std::uint32_t timestamp, std::uint8_t temporal = 0) {
  return {.stream = layer, .timestamp = timestamp, .temporal = temporal};
}

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
  layers.on_packet(packet_of(0, 1), 1000, kStart);
  layers.on_packet(packet_of(1, 1), 1000, kStart);
  CHECK(layers.alive(1, kStart));

  for (std::uint32_t frame = 1; frame <= 20; ++frame) {
    layers.on_packet(packet_of(0, frame * 3000), 1000, kStart + milliseconds(33) * frame);
    const bool expected = frame * 33 <= 500;
    CHECK(layers.alive(1, kStart + milliseconds(33) * frame) == expected);
  }

  layers.on_packet(packet_of(1, 99), 1000, kStart + seconds(1));
  CHECK(layers.alive(1, kStart + seconds(1)));
}

TEST_CASE("a still screen share, one frame in seconds on all layers, stays alive") {
  SourceLayers layers(3);
  for (std::uint32_t frame = 1; frame < 10; ++frame) {
    const TimePoint now = kStart + seconds(2) * frame;
    for (std::size_t layer = 0; layer < 3; ++layer) {
      for (int packet = 0; packet < 5; ++packet)
        layers.on_packet(packet_of(layer, frame * 180000), 1000, now);
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
  layers.on_packet(packet_of(7, 1), 1000, kStart);
  layers.on_sender_report(7, 1, 1);
  CHECK_FALSE(layers.alive(0, kStart));
}

TEST_CASE("a wish in pixels becomes the highest layer that fits, and never less than the lowest") {
  const SourceLayers layers(3);
  struct Case {
    int height;
    int spatial;
  };
  for (const Case& c : {Case{0, -1}, {1, 0}, {180, 0}, {359, 0}, {360, 1}, {720, 2}, {2160, 2}, {-1, 2}}) {
    CAPTURE(c.height);
    CHECK(layers.target_for(c.height).spatial == c.spatial);
    CHECK(layers.target_for(c.height).temporal == Target::kAllTemporals);
  }
}

TEST_CASE("says what each layer costs and how often it shows a picture, temporal layers included") {
  SourceLayers layers(2);
  TimePoint now = kStart;
  // 32 pictures a second for three seconds: every other one in the base layer, the upper ones half as large.
  for (std::uint32_t picture = 0; picture < 96; ++picture) {
    now = kStart + Duration(seconds(1)) * picture / 32;
    const auto temporal = static_cast<std::uint8_t>(picture % 2);
    for (int i = 0; i < 2; ++i) {
      layers.on_packet(packet_of(0, picture * 2812, temporal), temporal == 0 ? 1000 : 500, now);
    }
  }

  CHECK(layers.bitrate(0, 0, now) == doctest::Approx(16 * 2000 * 8).epsilon(0.1));
  CHECK(layers.bitrate(0, 1, now) == doctest::Approx(16 * 3000 * 8).epsilon(0.1));
  CHECK(layers.bitrate(0, 7, now) == layers.bitrate(0, 1, now));
  CHECK(layers.frame_rate(0, 0, now) == doctest::Approx(16).epsilon(0.1));
  CHECK(layers.frame_rate(0, 7, now) == doctest::Approx(32).epsilon(0.1));
  CHECK(layers.bitrate(1, 7, now) == 0);
  CHECK(layers.bitrate(9, 7, now) == 0);

  CHECK(layers.bitrate(0, 7, now + milliseconds(500)) < layers.bitrate(0, 7, now));
  CHECK(layers.bitrate(0, 7, now + seconds(2)) == 0);
}

TEST_CASE("a scalable stream tells its layers with a key frame: they count before their first packet") {
  SourceLayers layers(1);
  CHECK(layers.count() == 1);
  CHECK(layers.target_for(720) == kEverything);
  CHECK(layers.target_for(180).spatial == 0);
  CHECK_FALSE(layers.take_changed());
  VideoPacket key = packet_of(0, 1);
  key.starts_keyframe = true;
  key.layers = StreamLayers{.count = 3, .active = 0b011, .heights = {135, 270, 540}};
  layers.on_packet(key, 1000, kStart);

  CHECK(layers.take_changed());
  CHECK_FALSE(layers.take_changed());
  CHECK(layers.scalable());
  CHECK(layers.count() == 3);
  CHECK(layers.height(1) == 270);
  CHECK(layers.alive(1, kStart));
  CHECK_FALSE(layers.alive(2, kStart));  // announced, but not being sent
  CHECK(layers.stream_of(2) == 0);
  CHECK(layers.target_for(360).spatial == 1);
  CHECK(layers.target_for(720).spatial == 2);

  // Another codec without layers of its own: as it was announced.
  VideoPacket plain = packet_of(0, 2);
  plain.starts_keyframe = true;
  layers.on_packet(plain, 1000, kStart);
  CHECK_FALSE(layers.scalable());
  CHECK(layers.count() == 1);
}

TEST_CASE("what upper layers need of lower ones is in their cost, what they do not need is not") {
  SourceLayers layers(1);
  VideoPacket key = packet_of(0, 1);
  key.starts_keyframe = true;
  key.layers = StreamLayers{.count = 2, .active = 0b11};
  layers.on_packet(key, 1000, kStart);  // for both
  VideoPacket low = packet_of(0, 2);
  low.needed_by = {};
  low.needed_by.add(0, 0);
  layers.on_packet(low, 500, kStart);
  VideoPacket high = packet_of(0, 2);
  high.spatial = 1;
  layers.on_packet(high, 2000, kStart);

  // Half a second is the least a young source is measured over.
  CHECK(layers.bitrate(0, 7, kStart) == 1500 * 16);
  CHECK(layers.bitrate(1, 7, kStart) == 3000 * 16);
}

TEST_CASE("the layers of a screen share are of one height: a stage gets the best, a thumbnail the lowest") {
  SourceLayers layers(3);
  layers.set_screen(true);
  CHECK(layers.take_changed());
  CHECK(layers.height(0) == 720);
  CHECK(layers.height(2) == 720);
  CHECK(layers.target_for(720).spatial == 2);
  CHECK(layers.target_for(180).spatial == 0);
  layers.set_screen(false);
  CHECK(layers.height(0) == 180);
}
