#include "sfu/forward/forwarder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "sfu/rtp/sequence.hpp"
#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;

namespace {

constexpr std::uint32_t kSsrc = 0xabcd;
constexpr std::uint64_t kSecond = std::uint64_t{1} << 32;

// A simulcast camera: three VP8 layers with clocks, numbers and picture ids of their own.
class Camera {
 public:
  explicit Camera(unsigned seed = 1) : random_(seed) {
    for (Layer& layer : state_) {
      layer.sequence = static_cast<std::uint16_t>(random_());
      layer.clock = static_cast<std::uint32_t>(random_());
      layer.picture_id = random_() & 0x7fff;
      layer.tl0 = static_cast<std::uint8_t>(random_());
    }
  }

  SourceLayers layers{3};
  TimePoint now{seconds(1000)};

  // One frame of a layer at `now`, in packets.
  std::vector<VideoPacket> frame(std::size_t layer, bool key, std::size_t packets = 3) {
    Layer& own = state_[layer];
    own.picture_id = (own.picture_id + 1) & 0x7fff;
    ++own.tl0;
    std::vector<VideoPacket> out;
    for (std::size_t i = 0; i < packets; ++i) {
      VideoPacket packet{.codec = rtp::Codec::vp8,
                         .stream = layer,
                         .sequence = own.sequence++,
                         .timestamp = timestamp(layer),
                         .payload_size = 1000,
                         .starts_keyframe = key && i == 0,
                         .starts_frame = i == 0};
      packet.picture = rtp::PictureFields{.picture_id_at = 2,
                                          .long_picture_id = true,
                                          .tl0_at = 4,
                                          .tl0 = own.tl0,
                                          .picture_id = static_cast<std::uint16_t>(own.picture_id)};
      out.push_back(packet);
    }
    return out;
  }
  VideoPacket probe(std::size_t layer) {
    return {.codec = rtp::Codec::vp8,
            .stream = layer,
            .sequence = state_[layer].sequence++,
            .timestamp = timestamp(layer),
            .payload_size = 0};
  }
  std::uint32_t timestamp(std::size_t layer) const {
    return state_[layer].clock +
           static_cast<std::uint32_t>((now.time_since_epoch() / microseconds(1)) * 9 / 100);
  }
  void sender_reports() {
    const auto us = now.time_since_epoch() / microseconds(1);
    const std::uint64_t ntp = static_cast<std::uint64_t>(us / 1'000'000) * kSecond +
                              static_cast<std::uint64_t>(us % 1'000'000) * kSecond / 1'000'000;
    for (std::size_t layer = 0; layer < 3; ++layer) layers.on_sender_report(layer, ntp, timestamp(layer));
  }
  std::mt19937& random() { return random_; }

 private:
  struct Layer {
    std::uint16_t sequence = 0;
    std::uint32_t clock = 0;
    unsigned picture_id = 0;
    std::uint8_t tl0 = 0;
  };
  std::mt19937 random_;
  std::array<Layer, 3> state_;
};

std::vector<Projected> give(Forwarder& forwarder, Camera& camera, const std::vector<VideoPacket>& packets) {
  std::vector<Projected> out;
  for (const VideoPacket& packet : packets) {
    camera.layers.on_packet(packet, 1000, camera.now);
    if (const auto projected = forwarder.forward(camera.layers, packet, camera.now))
      out.push_back(*projected);
  }
  return out;
}

// All three layers for some frames; gives what came out.
std::vector<Projected> run(Forwarder& forwarder, Camera& camera, int frames, int key_layer = -1) {
  std::vector<Projected> out;
  for (int i = 0; i < frames; ++i) {
    camera.now += milliseconds(33);
    for (std::size_t layer = 0; layer < 3; ++layer) {
      const bool key = i == 0 && static_cast<int>(layer) == key_layer;
      for (const Projected& p : give(forwarder, camera, camera.frame(layer, key))) out.push_back(p);
    }
  }
  return out;
}

std::uint16_t picture_id(const Projected& projected, const VideoPacket& packet) {
  return projected.picture ? projected.picture->picture_id : packet.picture->picture_id;
}

// Two packets of a picture of the upper temporal layer.
std::vector<VideoPacket> upper_frame(Camera& camera, std::size_t layer = 0, std::size_t count = 2) {
  auto packets = camera.frame(layer, false, count);
  for (VideoPacket& packet : packets) {
    packet.temporal = 1;
    packet.needed_by = {};
    packet.needed_by.add(0, 1);
  }
  return packets;
}

// A receiver of the lowest temporal layer has a key frame. The picture after it is late: one of the upper
// layer came before it and was left out. `upper` packets of another between the two are late as well.
struct Overtaken {
  explicit Overtaken(std::size_t upper = 0) {
    forwarder.set_target({.spatial = 0, .temporal = 0});
    first = camera.frame(0, true);
    first_sent = give(forwarder, camera, first);
    camera.now += milliseconds(33);
    late = camera.frame(0, false, 1);
    if (upper > 0) {
      camera.now += milliseconds(33);
      late_upper = upper_frame(camera, 0, upper);
    }
    camera.now += milliseconds(33);
    CHECK(give(forwarder, camera, upper_frame(camera)).empty());
  }

  std::vector<Projected> give_late() { return give(forwarder, camera, late); }
  // Of the highest layer.
  std::vector<Projected> give_key() {
    forwarder.set_target({.spatial = 2});
    camera.now += milliseconds(33);
    key = camera.frame(2, true);
    return give(forwarder, camera, key);
  }
  // How many pictures the key frame is behind the first, by its picture id; TL0PICIDX says the same.
  int pictures_to(const std::vector<Projected>& key_sent) const {
    const int pictures = (picture_id(key_sent[0], key[0]) - picture_id(first_sent[0], first[0])) & 0x7fff;
    CHECK(key_sent[0].picture->tl0 == static_cast<std::uint8_t>(first[0].picture->tl0 + pictures));
    return pictures;
  }

  Camera camera;
  Forwarder forwarder{kSsrc};
  std::vector<VideoPacket> first, late, late_upper, key;
  std::vector<Projected> first_sent;
};

}  // namespace

TEST_CASE("forwards nothing before a key frame of the wanted layer") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  CHECK(run(forwarder, camera, 5, 0).empty());
  forwarder.set_target({.spatial = 0});
  CHECK(run(forwarder, camera, 5).empty());
  CHECK(forwarder.wanted_keyframe(camera.layers, camera.now) == 0);
  CHECK(run(forwarder, camera, 5, 0).size() == 15);
  CHECK_FALSE(forwarder.wanted_keyframe(camera.layers, camera.now));
}

TEST_CASE("a switch is seamless: next number, next picture, later time") {
  for (const bool reports : {false, true}) {
    CAPTURE(reports);
    Camera camera;
    Forwarder forwarder(kSsrc);
    forwarder.set_target({.spatial = 0});
    run(forwarder, camera, 5, 0);
    if (reports) camera.sender_reports();
    const auto before = forwarder.state();
    REQUIRE(before);

    forwarder.set_target({.spatial = 2});
    camera.now += milliseconds(33);
    const auto packets = camera.frame(2, true);
    const auto out = give(forwarder, camera, packets);

    REQUIRE(out.size() == 3);
    CHECK(out[0].sequence == static_cast<std::uint16_t>(before->sequence + 1));
    CHECK(picture_id(out[0], packets[0]) == ((before->picture_id + 1) & 0x7fff));
    REQUIRE(out[0].picture);
    CHECK(out[0].picture->tl0 == static_cast<std::uint8_t>(before->tl0 + 1));
    // 33 ms are 2970 ticks, exact but for rounding.
    const auto step = rtp::timestamp_distance(out[0].timestamp, before->timestamp);
    CHECK(step >= 2965);
    CHECK(step <= 2975);
    CHECK(forwarder.current_layer() == 2);
  }
}

TEST_CASE("sender reports put a switched layer where its capture time belongs, not where it arrived") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  run(forwarder, camera, 5, 0);
  camera.sender_reports();
  const auto before = forwarder.state();

  forwarder.set_target({.spatial = 2});
  camera.now += milliseconds(33);
  const auto packets = camera.frame(2, true);
  camera.now += milliseconds(200);  // the network held it
  const auto out = give(forwarder, camera, packets);

  const auto step = rtp::timestamp_distance(out[0].timestamp, before->timestamp);
  CHECK(step >= 2965);
  CHECK(step <= 2975);
}

TEST_CASE("absurd sender reports do not move the stream's time") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  run(forwarder, camera, 5, 0);
  camera.sender_reports();
  camera.layers.on_sender_report(2, 77 * kSecond, 12345);
  const auto before = forwarder.state();

  forwarder.set_target({.spatial = 2});
  camera.now += milliseconds(33);
  const auto out = give(forwarder, camera, camera.frame(2, true));

  CHECK(rtp::timestamp_distance(out[0].timestamp, before->timestamp) == 2970);
}

TEST_CASE(
    "muted sends nothing, and goes on from a key frame without a gap in numbers, with the time that passed") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  run(forwarder, camera, 5, 0);
  const auto before = forwarder.state();

  forwarder.set_muted(true);
  CHECK(run(forwarder, camera, 30, 0).empty());
  CHECK_FALSE(forwarder.wanted_keyframe(camera.layers, camera.now));
  forwarder.set_muted(false);
  CHECK(run(forwarder, camera, 3).empty());
  CHECK(forwarder.wanted_keyframe(camera.layers, camera.now) == 0);
  const auto out = run(forwarder, camera, 1, 0);

  REQUIRE(out.size() == 3);
  CHECK(out[0].sequence == static_cast<std::uint16_t>(before->sequence + 1));
  CHECK(rtp::timestamp_distance(out[0].timestamp, before->timestamp) == 34 * 2970);
}

TEST_CASE("probes are left out without a gap") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  run(forwarder, camera, 1, 0);
  const auto before = forwarder.state();
  for (int i = 0; i < 10; ++i) CHECK(give(forwarder, camera, {camera.probe(0)}).empty());
  const auto out = give(forwarder, camera, camera.frame(0, false));
  CHECK(out[0].sequence == static_cast<std::uint16_t>(before->sequence + 1));
}

TEST_CASE("a NACKed number leads to the packet and to the same projection, across a switch") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  camera.now += milliseconds(33);
  const auto low = camera.frame(0, true);
  const auto low_out = give(forwarder, camera, low);
  forwarder.set_target({.spatial = 2});
  camera.now += milliseconds(33);
  const auto high = camera.frame(2, true);
  const auto high_out = give(forwarder, camera, high);
  REQUIRE(low_out.size() == 3);
  REQUIRE(high_out.size() == 3);

  for (std::size_t i = 0; i < 3; ++i) {
    for (const auto& [packets, outs] : {std::pair{low, low_out}, {high, high_out}}) {
      const auto found = forwarder.find_sent(outs[i].sequence);
      REQUIRE(found);
      CHECK(found->stream == packets[i].stream);
      CHECK(found->original_sequence == packets[i].sequence);
      const auto again = forwarder.reproject(*found, outs[i].sequence, packets[i]);
      REQUIRE(again);
      CHECK(again->timestamp == outs[i].timestamp);
      CHECK(again->picture == outs[i].picture);
      CHECK(again->sequence == outs[i].sequence);
    }
  }
  CHECK_FALSE(forwarder.find_sent(static_cast<std::uint16_t>(high_out[2].sequence + 1)));
  CHECK_FALSE(forwarder.find_sent(static_cast<std::uint16_t>(low_out[0].sequence - 1)));
}

TEST_CASE("what is being left for a lower layer is not worth sending again; for a higher one it is") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 1});
  run(forwarder, camera, 3, 1);
  REQUIRE(forwarder.current_stream() == 1u);
  CHECK_FALSE(forwarder.left_behind(camera.layers, 1, camera.now));

  forwarder.set_target({.spatial = 2});
  CHECK_FALSE(forwarder.left_behind(camera.layers, 1, camera.now));
  forwarder.set_target({.spatial = 0});
  CHECK(forwarder.left_behind(camera.layers, 1, camera.now));
  CHECK_FALSE(forwarder.left_behind(camera.layers, 0, camera.now));
  run(forwarder, camera, 1, 0);
  REQUIRE(forwarder.current_stream() == 0u);
  CHECK(forwarder.left_behind(camera.layers, 1, camera.now));

  forwarder.set_target({});
  CHECK(forwarder.left_behind(camera.layers, 0, camera.now));
}

TEST_CASE("a source that comes back goes on after where it was") {
  Camera camera(1);
  Forwarder first(kSsrc);
  first.set_target({.spatial = 0});
  run(first, camera, 5, 0);
  first.on_sent(700);
  const auto state = first.state();
  REQUIRE(state);

  Camera again(2);
  again.now = camera.now + seconds(1);
  Forwarder second(kSsrc, state);
  second.set_target({.spatial = 0});
  const auto out = run(second, again, 1, 0);

  REQUIRE(out.size() == 3);
  CHECK(out[0].sequence == static_cast<std::uint16_t>(state->sequence + 1));
  CHECK(rtp::timestamp_newer(out[0].timestamp, state->timestamp));
  second.on_sent(300);
  CHECK(second.state()->packets == state->packets + 1);
  CHECK(second.state()->octets == state->octets + 300);
}

TEST_CASE("sender reports of the forwarded layer only, on the outgoing clock, with our counts") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  run(forwarder, camera, 5, 0);
  forwarder.set_target({.spatial = 2});
  camera.now += milliseconds(33);
  const auto packets = camera.frame(2, true);
  const auto out = give(forwarder, camera, packets);
  forwarder.on_sent(900);
  forwarder.on_sent(100);

  const rtp::SenderReport in{
      .ssrc = 5, .ntp = 99, .rtp_timestamp = packets[0].timestamp + 7, .packets = 1000, .octets = 1000};
  const auto report = forwarder.sender_report(2, in);

  REQUIRE(report);
  CHECK(report->ssrc == kSsrc);
  CHECK(report->ntp == 99);
  CHECK(report->rtp_timestamp == out[0].timestamp + 7);
  CHECK(report->packets == 2);
  CHECK(report->octets == 1000);
  CHECK_FALSE(forwarder.sender_report(0, in));
}

TEST_CASE("random loss, reordering, probes, mutes and layer switches: one consistent stream") {
  std::size_t total = 0;
  for (unsigned seed = 0; seed < 80; ++seed) {
    CAPTURE(seed);
    Camera camera(seed);
    std::mt19937& random = camera.random();
    Forwarder forwarder(kSsrc);
    std::deque<VideoPacket> in_flight;
    std::set<std::int64_t> numbers;
    std::map<std::int64_t, std::pair<std::uint32_t, std::uint16_t>> by_number;  // timestamp, picture id
    std::int64_t newest = -1;
    bool muted = false;
    std::int8_t wanted = 3;
    forwarder.set_target({.spatial = wanted});
    std::array<bool, 3> sending = {true, true, true};
    for (int frame = 0; frame < 600; ++frame) {
      camera.now += milliseconds(33);
      if (random() % 12 == 0) {
        wanted = static_cast<std::int8_t>(random() % 5) - 1;
        forwarder.set_target({.spatial = wanted, .temporal = static_cast<std::int8_t>(random() % 2)});
      }
      if (random() % 100 == 0) forwarder.set_muted(muted = !muted);
      if (random() % 80 == 0) sending[1 + random() % 2] = random() % 2 == 0;
      if (random() % 90 == 0) camera.sender_reports();
      const auto asked = forwarder.wanted_keyframe(camera.layers, camera.now);
      for (std::size_t layer = 0; layer < 3; ++layer) {
        if (!sending[layer]) continue;
        const bool key = asked == layer || random() % 100 == 0;
        const std::size_t count = 1 + random() % 4;
        const bool upper = !key && random() % 3 == 0;
        for (const VideoPacket& packet :
             upper ? upper_frame(camera, layer, count) : camera.frame(layer, key, count))
          in_flight.push_back(packet);
        if (random() % 30 == 0) in_flight.push_back(camera.probe(layer));
      }
      // The network: loses, swaps neighbours, holds some over to the next frame, doubles some.
      for (std::size_t i = 1; i < in_flight.size(); ++i) {
        if (random() % 6 == 0) std::swap(in_flight[i - 1], in_flight[i]);
      }
      const std::size_t hold = random() % 3;
      while (in_flight.size() > hold) {
        const VideoPacket packet = in_flight.front();
        in_flight.pop_front();
        if (random() % 25 == 0) continue;
        camera.layers.on_packet(packet, 1000, camera.now);
        const auto projected = forwarder.forward(camera.layers, packet, camera.now);
        if (projected && random() % 40 == 0) {
          REQUIRE_FALSE(forwarder.forward(camera.layers, packet, camera.now).has_value());
        }
        if (!projected) continue;
        REQUIRE_FALSE(muted);
        REQUIRE(wanted >= 0);

        const std::int64_t number = newest < 0 ? 0x10000 + std::int64_t{projected->sequence}
                                               : rtp::extend_sequence(newest, projected->sequence);
        REQUIRE(numbers.insert(number).second);
        newest = std::max(newest, number);
        if (packet.picture && !projected->empty)
          by_number[number] = {projected->timestamp, picture_id(*projected, packet)};

        const auto found = forwarder.find_sent(projected->sequence);
        REQUIRE(found);
        REQUIRE(found->stream == packet.stream);
        REQUIRE(found->original_sequence == packet.sequence);
        const auto again = forwarder.reproject(*found, projected->sequence, packet);
        REQUIRE(again);
        REQUIRE(again->timestamp == projected->timestamp);
        REQUIRE(again->picture == projected->picture);
      }
    }
    REQUIRE(by_number.size() > 30);  // a seed may spend most of its time muted
    total += by_number.size();
    // In the order of numbers, whatever order they came in: time and picture ids go on, never back; and what
    // is missing is no more than the network lost or still holds.
    auto before = by_number.begin();
    for (auto at = std::next(before); at != by_number.end(); before = at++) {
      const auto& [timestamp, picture] = at->second;
      const auto& [last_timestamp, last_picture] = before->second;
      REQUIRE(rtp::timestamp_distance(timestamp, last_timestamp) >= 0);
      const auto pictures = static_cast<std::uint16_t>((picture - last_picture) & 0x7fff);
      REQUIRE(pictures < 100);
      // A new picture is a new time, and the other way round.
      REQUIRE((pictures == 0) == (timestamp == last_timestamp));
    }
    const auto span = static_cast<double>(*numbers.rbegin() - *numbers.begin() + 1);
    CHECK(static_cast<double>(numbers.size()) > 0.85 * span);
  }
  CHECK(total > 30000);
}

TEST_CASE(
    "VP8 temporal layers: left out without a gap in numbers or picture ids, and taken up at a sync frame") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0, .temporal = 0});
  // Layers 0 2 1 2, every second turn with sync frames.
  const auto picture = [&](int index) {
    constexpr std::uint8_t kPattern[] = {0, 2, 1, 2};
    auto packets = camera.frame(0, index == 0, 2);
    for (VideoPacket& packet : packets) {
      packet.temporal = kPattern[index % 4];
      packet.needed_by = {};
      for (std::size_t t = packet.temporal; t < kMaxTemporals; ++t) packet.needed_by.add(0, t);
      if (index == 0) packet.switches = LayerSet::everything();
      if (index % 8 >= 4 && packet.temporal > 0) {
        packet.switches.add(0, packet.temporal);
        packet.switch_from = static_cast<std::uint8_t>(packet.temporal - 1);
      }
    }
    camera.now += milliseconds(33);
    return packets;
  };
  std::vector<Projected> out;
  std::vector<std::uint16_t> ids;
  const auto play = [&](int begin, int end) {
    std::size_t pictures = 0;
    for (int i = begin; i < end; ++i) {
      const auto packets = picture(i);
      const auto sent = give(forwarder, camera, packets);
      if (!sent.empty()) {
        ++pictures;
        ids.push_back(picture_id(sent.front(), packets.front()));
      }
      out.insert(out.end(), sent.begin(), sent.end());
    }
    return pictures;
  };

  CHECK(play(0, 8) == 2);
  forwarder.set_target({.spatial = 0, .temporal = 2});
  CHECK(play(8, 12) == 1);   // no sync frames in this turn
  CHECK(play(12, 16) == 3);  // the first T2 comes before T1 was taken up
  CHECK(play(16, 24) == 8);
  forwarder.set_target({.spatial = 0, .temporal = 1});
  CHECK(play(24, 32) == 4);

  for (std::size_t i = 1; i < out.size(); ++i) {
    CHECK(out[i].sequence == static_cast<std::uint16_t>(out[i - 1].sequence + 1));
  }
  for (std::size_t i = 1; i < ids.size(); ++i) CHECK(ids[i] == ((ids[i - 1] + 1) & 0x7fff));
}

TEST_CASE("a late packet of a picture that was left out fills its place without a payload") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0, .temporal = 0});
  give(forwarder, camera, camera.frame(0, true));
  camera.now += milliseconds(33);
  const auto upper = upper_frame(camera);
  camera.now += milliseconds(33);
  const auto base = camera.frame(0, false, 1);

  const auto after = give(forwarder, camera, base);  // both packets of the upper one are missing
  const auto first = give(forwarder, camera, {upper[0]});
  const auto second = give(forwarder, camera, {upper[1]});

  REQUIRE(after.size() == 1);
  REQUIRE(first.size() == 1);
  CHECK(first[0].empty);
  CHECK_FALSE(after[0].empty);
  CHECK(first[0].sequence == static_cast<std::uint16_t>(after[0].sequence - 2));
  REQUIRE(second.size() == 1);
  const auto found = forwarder.find_sent(second[0].sequence);
  REQUIRE(found);
  CHECK(forwarder.reproject(*found, second[0].sequence, upper[1])->empty);
}

TEST_CASE("a frame whose end was left out is not begun by its first packet, which comes late") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0, .temporal = 1});
  give(forwarder, camera, camera.frame(0, true));
  forwarder.set_target({.spatial = 0, .temporal = 0});
  camera.now += milliseconds(33);
  const auto upper = upper_frame(camera);

  const auto end = give(forwarder, camera, {upper[1]});
  const auto beginning = give(forwarder, camera, {upper[0]});

  CHECK(end.empty());
  REQUIRE(beginning.size() == 1);
  CHECK(beginning[0].empty);
}

TEST_CASE("what comes late, before a switch or after it, has no picture id that the next layer gets too") {
  for (const bool before_switch : {true, false}) {
    CAPTURE(before_switch);
    Overtaken call;
    std::vector<Projected> late_sent;
    if (before_switch) late_sent = call.give_late();
    const auto key_sent = call.give_key();
    if (!before_switch) late_sent = call.give_late();

    REQUIRE(call.first_sent.size() == 3);
    REQUIRE(late_sent.size() == 1);
    REQUIRE(key_sent.size() == 3);
    CHECK(late_sent[0].sequence == static_cast<std::uint16_t>(call.first_sent[2].sequence + 1));
    CHECK(key_sent[0].sequence == static_cast<std::uint16_t>(late_sent[0].sequence + 1));
    CHECK(late_sent[0].empty == !before_switch);
    CHECK(call.pictures_to(key_sent) == (before_switch ? 2 : 1));
    CHECK(call.forwarder.state()->sequence == key_sent[2].sequence);
  }
}

TEST_CASE("a late picture counts also where a place behind it was filled before") {
  Overtaken call(1);
  const auto filled = give(call.forwarder, call.camera, call.late_upper);
  const auto late_sent = call.give_late();
  const auto state = call.forwarder.state();
  const auto key_sent = call.give_key();

  REQUIRE(filled.size() == 1);
  REQUIRE(late_sent.size() == 1);
  REQUIRE(key_sent.size() == 3);
  CHECK(filled[0].empty);
  CHECK_FALSE(late_sent[0].empty);
  CHECK(filled[0].sequence == static_cast<std::uint16_t>(late_sent[0].sequence + 1));
  CHECK(state->sequence == filled[0].sequence);
  CHECK(call.pictures_to(key_sent) == 2);
}

TEST_CASE("a source that comes back does not begin with the number of what came late") {
  Overtaken call;
  const auto late_sent = call.give_late();

  REQUIRE(late_sent.size() == 1);
  CHECK(call.forwarder.state()->sequence == late_sent[0].sequence);
  CHECK(call.forwarder.state()->timestamp == late_sent[0].timestamp);
}

TEST_CASE("asked for again, what came while nothing was forwarded fills its place without a payload") {
  Overtaken call;
  call.forwarder.set_target({});
  CHECK(call.give_late().empty());
  const auto key = call.give_key();

  REQUIRE(key.size() == 3);
  const auto place = static_cast<std::uint16_t>(key[0].sequence - 1);
  const auto found = call.forwarder.find_sent(place);
  REQUIRE(found);
  CHECK(found->original_sequence == call.late[0].sequence);
  CHECK_FALSE(found->sent);
  CHECK(call.forwarder.reproject(*found, place, call.late[0])->empty);
}

TEST_CASE("asked for again, a part that came while nothing was forwarded completes the picture it is of") {
  Camera camera;
  Forwarder forwarder(kSsrc);
  forwarder.set_target({.spatial = 0});
  const auto first = camera.frame(0, true);
  const auto sent = give(forwarder, camera, {first[0], first[2]});
  forwarder.set_target({});
  CHECK(give(forwarder, camera, {first[1]}).empty());
  forwarder.set_target({.spatial = 2});
  camera.now += milliseconds(33);
  give(forwarder, camera, camera.frame(2, true));

  REQUIRE(sent.size() == 2);
  const auto place = static_cast<std::uint16_t>(sent[0].sequence + 1);
  const auto found = forwarder.find_sent(place);
  REQUIRE(found);
  CHECK_FALSE(found->sent);
  CHECK_FALSE(forwarder.reproject(*found, place, first[1])->empty);
}
