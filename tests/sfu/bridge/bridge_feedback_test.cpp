// Feedback that is forged, repeated, invented or far too much: dropped or bounded, counted, and nobody else's
// trouble.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

namespace {

std::string dropped(const std::string& reason) {
  return R"(roomshard_dropped_packets_total{reason=")" + reason + R"("})";
}

// One stream of VP8, every frame a key frame, as fast as the test turns.
struct Camera {
  Member& member;
  std::uint16_t sequence = 0;

  void frame() {
    ++sequence;
    RtpText text{.payload_type = 100,
                 .marker = true,
                 .sequence = sequence,
                 .timestamp = sequence * 3000u,
                 .ssrc = member.ssrcs.video[0].ssrc};
    text.payload = make_vp8(true, sequence, static_cast<std::uint8_t>(sequence), "frame");
    text.payload.resize(1000, 7);
    member.client.send_rtp(make_rtp(text));
  }
};

std::vector<std::uint8_t> feedback_about(std::uint16_t first, std::size_t count, std::uint32_t reference) {
  const std::vector<rtp::PacketStatus> statuses(count, {.received = true, .delta = 0});
  std::vector<std::uint8_t> bytes(rtp::kMaxFeedbackBytes);
  ByteWriter out(bytes);
  REQUIRE(
      rtp::write_transport_feedback(out, {.base_sequence = first, .reference_time = reference}, statuses));
  bytes.resize(out.written().size());
  return bytes;
}

std::vector<std::uint8_t> nack_of(std::uint32_t ssrc, std::span<const std::uint16_t> numbers) {
  std::vector<std::uint8_t> bytes(1200);
  ByteWriter out(bytes);
  REQUIRE(rtp::write_nack(out, 1, ssrc, numbers));
  bytes.resize(out.written().size());
  return bytes;
}

std::vector<std::uint8_t> picture_loss(std::uint32_t ssrc) {
  std::vector<std::uint8_t> bytes(64);
  ByteWriter out(bytes);
  REQUIRE(rtp::write_picture_loss(out, 1, ssrc));
  bytes.resize(out.written().size());
  return bytes;
}

std::size_t picture_losses_at(const Member& sender) {
  std::size_t count = 0;
  for (const auto& bytes : sender.client.rtcp) {
    rtp::RtcpReader reader(bytes);
    while (const auto part = reader.next()) count += part->is(rtp::kPictureLoss) ? 1 : 0;
  }
  return count;
}

std::size_t count_of(const Member& receiver, std::uint32_t ssrc) {
  return static_cast<std::size_t>(
      std::count_if(receiver.client.rtp.begin(), receiver.client.rtp.end(),
                    [&](const ReceivedRtp& packet) { return packet.ssrc() == ssrc; }));
}

// Somebody is heard in another room, packet by packet.
struct OtherRoom {
  Member& speaker;
  Member& listener;
  std::uint16_t sent = 0;

  explicit OtherRoom(House& house)
      : speaker(house.join("elsewhere", "eeeeeee1")), listener(house.join("elsewhere", "eeeeeee2")) {}
  void speak() {
    ++sent;
    speaker.client.send_rtp(make_rtp({.sequence = sent,
                                      .timestamp = sent * 960u,
                                      .ssrc = speaker.ssrcs.audio,
                                      .level = 20,
                                      .payload = {4, 5, 6}}));
  }
  bool whole() const { return listener.client.rtp.size() == sent; }
};

}  // namespace

TEST_CASE("RTCP under no keys, or a second time under the right ones, is dropped and counted") {
  House house;
  Member& sender = house.join("room", "aaaaaaaa", 1);
  Member& receiver = house.join("room", "bbbbbbbb");
  const auto loss = picture_loss(sender.ssrcs.video[0].ssrc);

  receiver.client.send_raw(loss);
  REQUIRE(house.until([&] { return house.metric(dropped("unauthentic")) == 1; }));
  receiver.client.send_rtcp(loss);
  const std::vector<std::uint8_t> again = receiver.client.last_sealed();
  receiver.client.send_raw(again);
  receiver.client.send_raw(again);

  REQUIRE(house.until([&] { return house.metric(dropped("replayed")) == 2; }));
  CHECK(house.metric("roomshard_keyframes_wanted_total") == 1);
  CHECK(house.metric(dropped("unauthentic")) == 1);
}

TEST_CASE("feedback about packets that never left, or told before, is counted and tells nothing") {
  BridgeConfig config = House::default_config();
  config.limits.estimator = {};
  House house(config);
  Member& sender = house.join("room", "aaaaaaaa", 1);
  Member& liar = house.join("room", "bbbbbbbb");
  Camera camera{sender};
  house.want_video(liar, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return liar.client.rtp.size() >= 10;
  }));
  const auto first = rtp::transport_sequence(*rtp::RtpPacketView::parse(liar.client.rtp.front().bytes));
  REQUIRE(first);

  for (int i = 0; i < 20; ++i) {
    liar.client.send_rtcp(feedback_about(static_cast<std::uint16_t>(*first + 20'000 + i * 300), 300, 5));
  }
  REQUIRE(house.until([&] { return house.metric("roomshard_feedback_unknown_total") == 20 * 300; }));
  for (int i = 0; i < 10; ++i) liar.client.send_rtcp(feedback_about(*first, 10, 5));

  // Each of the ten counts once, in the first of ten.
  CHECK(house.until([&] { return house.metric("roomshard_feedback_unknown_total") == 20 * 300 + 90; }));
}

TEST_CASE("a flood of NACKs is answered up to the bound of a round trip, counted beyond it") {
  BridgeConfig config = House::default_config();
  config.limits.rtx.max_bytes_per_round_trip = 20'000;
  House house(config);
  Member& sender = house.join("room", "aaaaaaaa", 1);
  Member& flooder = house.join("room", "bbbbbbbb");
  OtherRoom other(house);
  Camera camera{sender};
  house.want_video(flooder, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return flooder.client.rtp.size() >= 200;
  }));
  std::vector<std::uint16_t> numbers;
  for (const ReceivedRtp& packet : flooder.client.rtp) numbers.push_back(packet.sequence());
  numbers.resize(200);
  const auto nack = nack_of(sender.ssrcs.video[0].ssrc, numbers);
  const TimePoint began = Clock::now();

  for (int i = 0; i < 100; ++i) {
    flooder.client.send_rtcp(nack);
    other.speak();
    house.turn();
  }
  REQUIRE(house.until([&] {
    return house.metric("roomshard_retransmitted_packets_total") +
                   house.metric("roomshard_retransmissions_refused_total") >=
               200 &&
           other.whole();
  }));

  const double passed = std::chrono::duration<double>(Clock::now() - began).count();
  const double round_trips = passed / std::chrono::duration<double>(config.limits.rtx.min_round_trip).count();
  CHECK(house.metric("roomshard_retransmissions_refused_total") > 0);
  CHECK(static_cast<double>(count_of(flooder, sender.ssrcs.video[0].rtx)) <= (round_trips + 2) * 20);
}

TEST_CASE("a flood of key-frame requests reaches the sender as one in 300 ms") {
  House house;
  Member& sender = house.join("room", "aaaaaaaa", 1);
  Member& flooder = house.join("room", "bbbbbbbb");
  OtherRoom other(house);
  Camera camera{sender};
  house.want_video(flooder, 720);
  REQUIRE(house.until([&] {
    camera.frame();
    return flooder.client.rtp.size() >= 5;
  }));
  const auto loss = picture_loss(sender.ssrcs.video[0].ssrc);
  const std::size_t before = picture_losses_at(sender);
  const TimePoint began = Clock::now();

  int sent = 0;
  REQUIRE(house.until([&] {
    for (int i = 0; i < 20; ++i, ++sent) flooder.client.send_rtcp(loss);
    camera.frame();
    other.speak();
    return house.metric("roomshard_keyframes_wanted_total") >= 1000;
  }));

  const double passed = std::chrono::duration<double>(Clock::now() - began).count();
  CHECK(static_cast<double>(picture_losses_at(sender) - before) <= passed / 0.3 + 2);
  CHECK(house.until([&] { return other.whole(); }));
}

TEST_CASE("RTCP beyond what a client may send is dropped before it is read") {
  BridgeConfig config = House::default_config();
  config.limits.sender.packets_per_second = 100;
  House house(config);
  Member& sender = house.join("room", "aaaaaaaa", 1);
  Member& flooder = house.join("room", "bbbbbbbb");
  OtherRoom other(house);
  const auto loss = picture_loss(sender.ssrcs.video[0].ssrc);
  const TimePoint began = Clock::now();

  int sent = 0;
  REQUIRE(house.until([&] {
    for (int i = 0; i < 20; ++i, ++sent) flooder.client.send_rtcp(loss);
    if (Clock::now() - began > other.sent * milliseconds(20)) other.speak();
    return house.metric(dropped("sender_limit")) >= 500;
  }));

  const double passed = std::chrono::duration<double>(Clock::now() - began).count();
  CHECK(house.metric("roomshard_keyframes_wanted_total") <= 100 * (passed + 1) + 20);
  CHECK(house.until([&] { return other.whole(); }));
}
