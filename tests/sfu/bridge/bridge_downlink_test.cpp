// What a receiver's path carries, from its feedback to the layers it gets, over loopback.
#include <doctest/doctest.h>

#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

namespace {

// A camera with three layers of about 100, 400 and 1600 kbit/s that sends in real time; every tenth frame is
// a key frame, so that receivers may switch.
struct Camera {
  Member& member;
  bool heavy = false;  // its only layer is of 1600 kbit/s
  unsigned frames = 0;
  std::uint16_t sequence = 100;
  TimePoint next{};

  void turn() {
    if (Clock::now() < next) return;
    next = std::max(next, Clock::now() - milliseconds(100)) + milliseconds(33);
    for (std::size_t layer = 0; layer < member.ssrcs.video.size(); ++layer) {
      const std::size_t packets = layer == 2 || heavy ? 6 : 1;
      for (std::size_t i = 0; i < packets; ++i) {
        RtpText text{.payload_type = 100,
                     .marker = i + 1 == packets,
                     .sequence = static_cast<std::uint16_t>(sequence + i),
                     .timestamp = frames * 3000,
                     .ssrc = member.ssrcs.video[layer].ssrc};
        text.payload = make_vp8(frames % 10 == 0 && i == 0, static_cast<std::uint16_t>(frames),
                                static_cast<std::uint8_t>(frames), "layer" + std::to_string(layer));
        text.payload.resize(layer == 0 && !heavy ? 350 : 1100, 7);
        member.client.send_rtp(make_rtp(text));
      }
    }
    sequence = static_cast<std::uint16_t>(sequence + 6);
    ++frames;
  }
};

// Real time, so with the estimate that everybody begins with.
BridgeConfig real_paths() {
  BridgeConfig config = House::default_config();
  config.limits.estimator = {};
  return config;
}

bool got(const Member& member, const std::string& tag) {
  for (const ReceivedRtp& packet : member.client.rtp) {
    if (std::string(packet.bytes.begin(), packet.bytes.end()).find(tag) != std::string::npos) return true;
  }
  return false;
}

// The layer beyond the first estimate. An estimator that measures a machine with other work finds less room
// and tries again, so it may take a while.
bool is_probed_up(House& house, Camera& camera, const Member& member) {
  const auto reached = [&] {
    camera.turn();
    return got(member, "layer2");
  };
  return house.until(reached, seconds(60));
}

std::size_t padding_only(const Member& member) {
  std::size_t count = 0;
  for (const ReceivedRtp& packet : member.client.rtp) {
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    if (view && view->padding_size() > 0 && view->payload().empty()) ++count;
  }
  return count;
}

}  // namespace

TEST_CASE(
    "what goes to a client with transport-wide feedback is numbered without gaps, to another not at all") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 1);
  Member& with = house.join("room", "00000002");
  Member& without = house.join("room", "00000003");
  house.set_transport(without, {.transport_cc = false});
  std::uint16_t sequence = 0;
  const auto send = [&] {
    ++sequence;
    sender.client.send_rtp(make_rtp({.sequence = sequence,
                                     .timestamp = sequence * 960u,
                                     .ssrc = sender.ssrcs.audio,
                                     .level = 30,
                                     .payload = {1, 2, 3}}));
  };
  // The change of features is on its way to the worker.
  const auto unnumbered = [&] {
    send();
    if (without.client.rtp.empty()) return false;
    const auto view = rtp::RtpPacketView::parse(without.client.rtp.back().bytes);
    return view && !rtp::transport_sequence(*view);
  };
  REQUIRE(house.until(unnumbered));
  with.client.rtp.clear();

  REQUIRE(house.until([&] {
    send();
    return with.client.rtp.size() >= 50;
  }));

  std::optional<std::uint16_t> last;
  for (const ReceivedRtp& packet : with.client.rtp) {
    const auto number = rtp::transport_sequence(*rtp::RtpPacketView::parse(packet.bytes));
    REQUIRE(number);
    if (last) CHECK(*number == static_cast<std::uint16_t>(*last + 1));
    last = number;
  }
}

TEST_CASE("a receiver whose feedback shows room is probed and gets the layer beyond the first estimate") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 3);
  Member& receiver = house.join("room", "00000002");
  receiver.client.give_feedback();
  house.want_video(receiver, 720);
  Camera camera{.member = sender};

  CHECK(is_probed_up(house, camera, receiver));

  CHECK(padding_only(receiver) > 0);
  CHECK(house.until([&] {
    camera.turn();
    return house.metric("roomshard_padding_packets_total") > 0;
  }));
}

TEST_CASE("a receiver that gives no feedback stays at what everybody begins with") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 3);
  Member& silent = house.join("room", "00000002");
  Member& witness = house.join("room", "00000003");
  witness.client.give_feedback();
  house.want_video(silent, 720);
  house.want_video(witness, 720);
  Camera camera{.member = sender};

  CHECK(is_probed_up(house, camera, witness));

  CHECK(got(silent, "layer1"));
  CHECK_FALSE(got(silent, "layer2"));
  CHECK(padding_only(silent) == 0);
}

TEST_CASE(
    "who comes after a sender whose only stream costs more than everybody begins with is sent it, and what "
    "it "
    "answers keeps it") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 1);
  Camera camera{.member = sender, .heavy = true};
  REQUIRE(house.until([&] {
    camera.turn();
    return house.metric("roomshard_received_packets_total") >= 240;
  }));

  Member& receiver = house.join("room", "00000002");
  receiver.client.give_feedback();
  house.want_video(receiver, 720);

  // For longer than a path is tried without an answer.
  CHECK(house.until([&] {
    camera.turn();
    return receiver.client.rtp.size() >= 900;
  }));
}

TEST_CASE("who answers nothing is sent such a stream for a moment only") {
  BridgeConfig config = real_paths();
  config.limits.estimator.trial = milliseconds(200);
  config.limits.estimator.trial_every = seconds(3600);
  House house(config);
  Member& sender = house.join("room", "00000001", 1);
  Camera camera{.member = sender, .heavy = true};
  REQUIRE(house.until([&] {
    camera.turn();
    return house.metric("roomshard_received_packets_total") >= 240;
  }));

  Member& silent = house.join("room", "00000002");
  house.want_video(silent, 720);
  REQUIRE(house.until([&] {
    camera.turn();
    return house.got_frame(silent, R"("forwardedSources":["00000001-v0"])") && silent.client.rtp.size() >= 6;
  }));

  CHECK(house.until([&] {
    camera.turn();
    return house.got_frame(silent, R"("forwardedSources":[])");
  }));
}

TEST_CASE("a path too thin for any video keeps its audio, and its client is told that nothing is sent") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 3);
  Member& receiver = house.join("room", "00000002");
  receiver.client.give_feedback();
  house.want_video(receiver, 720);
  Camera camera{.member = sender};
  REQUIRE(house.until([&] {
    camera.turn();
    return got(receiver, "layer") && house.got_frame(receiver, R"("forwardedSources":["00000001-v0"])");
  }));

  house.say(receiver, R"({"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":20000})");

  REQUIRE(house.until([&] {
    camera.turn();
    return house.got_frame(receiver, R"("forwardedSources":[])");
  }));
  receiver.client.rtp.clear();
  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    ++sequence;
    sender.client.send_rtp(make_rtp({.sequence = sequence,
                                     .timestamp = sequence * 960u,
                                     .ssrc = sender.ssrcs.audio,
                                     .level = 30,
                                     .payload = {9, 9, 9}}));
    std::size_t audio = 0;
    for (const ReceivedRtp& packet : receiver.client.rtp) audio += packet.payload_type() == 111 ? 1 : 0;
    return audio >= 20;
  }));
  CHECK(house.got_frame(receiver, "estimatedDownlinkBandwidth"));

  // And when there is room again, video is back.
  house.say(receiver, R"({"colibriClass":"ReceiverVideoConstraints","assumedBandwidthBps":-1})");
  CHECK(house.until([&] {
    camera.turn();
    return house.frames_to(receiver).back().find(R"("forwardedSources":["00000001-v0"])") !=
           std::string::npos;
  }));
}

TEST_CASE("a client without transport-wide feedback gets what its REMB allows") {
  House house(real_paths());
  Member& sender = house.join("room", "00000001", 3);
  Member& receiver = house.enter("room", "00000002");
  receiver.client.connect(receiver.allocated);
  house.set_transport(receiver, {.transport_cc = false});
  house.announce(receiver);
  house.open_channel(receiver);
  REQUIRE(house.until([&] { return receiver.client.connected() && house.state_of(receiver).has_value(); }));
  house.want_video(receiver, 720);
  Camera camera{.member = sender};
  REQUIRE(is_probed_up(house, camera, receiver));

  std::array<std::uint8_t, 64> bytes;
  ByteWriter out(bytes);
  const std::array<std::uint32_t, 1> ssrcs = {sender.ssrcs.video[0].ssrc};
  REQUIRE(rtp::write_remb(out, 1, 250'000, ssrcs));
  TimePoint next{};
  CHECK(house.until([&] {
    camera.turn();
    if (Clock::now() >= next) {
      receiver.client.send_rtcp(out.written());
      next = Clock::now() + milliseconds(200);
      receiver.client.rtp.clear();  // of this interval alone
      return false;
    }
    return receiver.client.rtp.size() >= 3 && got(receiver, "layer0") && !got(receiver, "layer2") &&
           !got(receiver, "layer1");
  }));
}
