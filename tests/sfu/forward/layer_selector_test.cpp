#include "sfu/forward/layer_selector.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::forward;
using Verdict = LayerSelector::Verdict;

namespace {

// Three layers of which some send 30 frames a second.
struct Sender {
  SourceLayers layers{3};
  TimePoint now{seconds(100)};
  std::uint32_t frame = 0;
  VideoPacket packet(std::size_t layer, bool key) const {
    return {.stream = layer, .timestamp = frame * 3000, .starts_keyframe = key, .starts_frame = true};
  }
  void send(std::initializer_list<std::size_t> alive, int frames) {
    for (; frames > 0; --frames) {
      now += milliseconds(33);
      ++frame;
      for (const std::size_t layer : alive)
        layers.on_packet({.stream = layer, .timestamp = frame * 3000}, 1000, now);
    }
  }
};

}  // namespace

TEST_CASE("chooses the highest alive layer that fits the wanted height") {
  struct Case {
    int wanted;
    std::initializer_list<std::size_t> alive;
    std::optional<std::size_t> target;
  };
  const Case cases[] = {
      {0, {0, 1, 2}, std::nullopt},
      {180, {0, 1, 2}, 0},
      {360, {0, 1, 2}, 1},
      {540, {0, 1, 2}, 1},
      {720, {0, 1, 2}, 2},
      {2160, {0, 1, 2}, 2},
      {-1, {0, 1, 2}, 2},
      {720, {0, 1}, 1},
      {1, {0, 1, 2}, 0},
      {180, {2}, 2},
      {-1, {1}, 1},
      {720, {}, std::nullopt},
  };
  for (const Case& c : cases) {
    CAPTURE(c.wanted);
    Sender sender;
    sender.send(c.alive, 30);
    LayerSelector selector;
    selector.set_target(sender.layers.target_for(c.wanted));
    CHECK(selector.best(sender.layers, sender.now) == c.target);
  }
}

TEST_CASE("begins and switches on key frames only, and keeps the old layer until then") {
  Sender sender;
  sender.send({0, 1, 2}, 5);
  LayerSelector selector;
  selector.set_target({.spatial = 0});
  const auto packet = [&](std::size_t layer, bool key) {
    return selector.on_packet(sender.layers, sender.packet(layer, key), sender.now);
  };

  CHECK(packet(0, false) == Verdict::drop);
  CHECK(selector.wanted_keyframe(sender.layers, sender.now) == 0);
  CHECK(packet(2, true) == Verdict::drop);
  CHECK(packet(0, true) == Verdict::switched);
  CHECK_FALSE(selector.wanted_keyframe(sender.layers, sender.now));

  selector.set_target({.spatial = 2});
  CHECK(selector.wanted_keyframe(sender.layers, sender.now) == 2);
  CHECK(packet(2, false) == Verdict::drop);
  CHECK(packet(0, false) == Verdict::forward);
  CHECK(packet(2, true) == Verdict::switched);
  CHECK(packet(0, true) == Verdict::drop);
  CHECK(packet(2, false) == Verdict::forward);
}

TEST_CASE("falls down when the current layer stops, and climbs again when it is back") {
  Sender sender;
  sender.send({0, 1, 2}, 5);
  LayerSelector selector;
  selector.set_target(kEverything);
  REQUIRE(selector.on_packet(sender.layers, sender.packet(2, true), sender.now) == Verdict::switched);

  sender.send({0, 1}, 14);  // 462 ms
  CHECK_FALSE(selector.wanted_keyframe(sender.layers, sender.now));
  sender.send({0, 1}, 2);
  CHECK(selector.wanted_keyframe(sender.layers, sender.now) == 1);
  CHECK(selector.on_packet(sender.layers, sender.packet(1, true), sender.now) == Verdict::switched);

  sender.send({0, 1, 2}, 1);
  CHECK(selector.wanted_keyframe(sender.layers, sender.now) == 2);
}

TEST_CASE("nothing wanted: nothing forwarded, and going on needs a key frame") {
  Sender sender;
  sender.send({0}, 5);
  LayerSelector selector;
  CHECK(selector.on_packet(sender.layers, sender.packet(0, true), sender.now) == Verdict::drop);
  selector.set_target({.spatial = 0});
  CHECK(selector.on_packet(sender.layers, sender.packet(0, true), sender.now) == Verdict::switched);
  selector.set_target({});
  CHECK(selector.on_packet(sender.layers, sender.packet(0, true), sender.now) == Verdict::drop);
  selector.set_target({.spatial = 0});
  CHECK(selector.on_packet(sender.layers, sender.packet(0, false), sender.now) == Verdict::drop);
  CHECK(selector.on_packet(sender.layers, sender.packet(0, true), sender.now) == Verdict::switched);
}

TEST_CASE("a frame whose packets came in another order is not begun in its middle") {
  Sender sender;
  sender.send({0}, 5);
  LayerSelector selector;
  selector.set_target({.spatial = 0, .temporal = 0});
  REQUIRE(selector.on_packet(sender.layers, sender.packet(0, true), sender.now) == Verdict::switched);
  selector.set_target({.spatial = 0, .temporal = 1});
  const auto upper = [&](bool starts) {
    VideoPacket packet = sender.packet(0, false);
    packet.starts_frame = starts;
    packet.temporal = 1;
    packet.needed_by = {};
    packet.needed_by.add(0, 1);
    packet.switches.add(0, 1);
    return selector.on_packet(sender.layers, packet, sender.now);
  };

  sender.send({0}, 1);

  CHECK(upper(false) == Verdict::drop);
  CHECK(upper(true) == Verdict::drop);
  sender.send({0}, 1);
  CHECK(upper(true) == Verdict::forward);
  CHECK(upper(false) == Verdict::forward);
}
