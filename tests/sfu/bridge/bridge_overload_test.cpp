// A bridge that has too much to do, and clients that do too much.
#include <doctest/doctest.h>

#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

namespace {

// One audio packet of the member's.
void speak(Member& member, std::uint16_t sequence, std::size_t payload = 20) {
  member.client.send_rtp(make_rtp({.sequence = sequence,
                                   .timestamp = sequence * 960u,
                                   .ssrc = member.ssrcs.audio,
                                   .level = 30,
                                   .payload = std::vector<std::uint8_t>(payload, 0x55)}));
}

std::size_t heard(const Member& listener, const Member& speaker) {
  std::size_t count = 0;
  for (const ReceivedRtp& packet : listener.client.rtp) count += packet.ssrc() == speaker.ssrcs.audio ? 1 : 0;
  return count;
}

// The sources that a member was last told it is sent.
std::size_t videos_of(const House& house, const Member& member) {
  std::size_t count = 0;
  for (const std::string& text : house.frames_to(member)) {
    if (text.find("\"ForwardedSources\"") == text.npos) continue;
    count = 0;
    for (std::size_t at = 0; (at = text.find("-v0", at)) != text.npos; ++at) ++count;
  }
  return count;
}

struct Watched {
  Member& speaker;
  Member& watcher;
};

// Three with cameras, one of whom will speak, and somebody who is given all three.
Watched three_watched(House& house) {
  Member& speaker = house.join("room", "aaaaaaaa", 1);
  house.join("room", "bbbbbbbb", 1);
  house.join("room", "cccccccc", 1);
  Member& watcher = house.join("room", "dddddddd");
  house.want_video(watcher, 180);
  REQUIRE(house.until([&] { return videos_of(house, watcher) == 3; }));
  return {speaker, watcher};
}

double stress_told(const House& house) {
  double stress = 0;
  for (const Event& event : house.events) {
    if (const auto* told = std::get_if<sfu::bridge::Stress>(&event)) stress = told->stress;
  }
  return stress;
}

}  // namespace

TEST_CASE("a busy bridge says so, gives fewer videos, keeps audio, and gives all again when it is calm") {
  BridgeConfig config = House::default_config();
  // The bound on packets is one that a test can cross and stay below, whatever machine it runs on.
  config.limits.stress.packets_per_second = 60;
  config.limits.last_n.reduce_every = milliseconds(1);
  config.limits.last_n.raise_every = milliseconds(1);
  House house(config);
  const Watched call = three_watched(house);
  Member& a = call.speaker;
  Member& watcher = call.watcher;

  std::uint16_t sent = 0;
  const bool reduced = house.until([&] {
    speak(a, sent++);
    return videos_of(house, watcher) == 1 && stress_told(house) == 1;
  });
  const std::size_t before = heard(watcher, a);
  const bool audio_goes_on = house.until([&] {
    speak(a, sent++);
    return heard(watcher, a) >= before + 50;
  });
  const bool raised = house.until([&] { return videos_of(house, watcher) == 3; });

  CHECK(reduced);
  CHECK(audio_goes_on);
  CHECK(house.metric("roomshard_last_n_reductions_total") >= 2);
  CHECK(raised);
}

TEST_CASE("when more comes than can be forwarded, video is left out and reduced at once, and sound goes on") {
  BridgeConfig config = House::default_config();
  // Whatever is read counts as having waited too long, and any work as enough.
  config.limits.backlog = {.waited = -seconds(1), .worked = Duration()};
  config.limits.last_n.reduce_when_late = Duration();
  House house(config);
  const Watched call = three_watched(house);
  Member& a = call.speaker;
  Member& watcher = call.watcher;

  std::uint16_t sent = 0;
  const bool reduced = house.until([&] {
    a.client.send_rtp(make_rtp({.payload_type = 100,
                                .marker = true,
                                .sequence = sent,
                                .timestamp = sent * 3000u,
                                .ssrc = a.ssrcs.video.at(0).ssrc,
                                .payload = make_vp8(true, sent, 0, "left out")}));
    speak(a, sent++);
    return videos_of(house, watcher) == 1 && heard(watcher, a) >= 50;
  });

  CHECK(reduced);
  CHECK(house.until([&] {
    return house.metric(R"(roomshard_dropped_packets_total{reason="late_video"})") >= 2 &&
           house.metric("roomshard_last_n_reductions_total") == 2;
  }));
  CHECK(watcher.client.rtp.size() == heard(watcher, a));  // not one packet of video
}

TEST_CASE("a sender that floods is cut to its bound and counted; others are not affected") {
  BridgeConfig config = House::default_config();
  config.limits.sender.packets_per_second = 100;
  House house(config);
  Member& flooder = house.join("room", "aaaaaaaa");
  Member& quiet = house.join("room", "bbbbbbbb");
  Member& listener = house.join("room", "cccccccc");

  const TimePoint began = Clock::now();
  std::uint16_t sent = 0;
  std::uint16_t other = 0;
  // The quiet one keeps to half of what it may.
  const auto turn = [&] {
    for (int i = 0; i < 20; ++i) speak(flooder, sent++);
    if (Clock::now() - began > other * milliseconds(20)) speak(quiet, other++);
  };
  REQUIRE(house.until([&] {
    turn();
    return other >= 100;
  }));
  REQUIRE(house.until([&] { return heard(listener, quiet) == other; }));
  const double passed = std::chrono::duration<double>(Clock::now() - began).count();

  CHECK(house.metric(R"(roomshard_dropped_packets_total{reason="sender_limit"})") > sent / 2.0);
  // A second's worth at once, then by the second.
  CHECK(static_cast<double>(heard(listener, flooder)) <= 100 * (passed + 1) + 20);
  CHECK(heard(listener, flooder) >= 100);
}

TEST_CASE("nobody uses up a sender's allowance with packets that are not its own") {
  BridgeConfig config = House::default_config();
  config.limits.sender.packets_per_second = 50;
  House house(config);
  Member& a = house.join("room", "aaaaaaaa");
  Member& listener = house.join("room", "cccccccc");

  // From the sender's own address, not under its keys.
  const auto forged =
      make_rtp({.sequence = 5000, .ssrc = a.ssrcs.audio, .payload = std::vector<std::uint8_t>(60)});
  for (int i = 0; i < 500; ++i) a.client.send_raw(forged);
  REQUIRE(house.until(
      [&] { return house.metric(R"(roomshard_dropped_packets_total{reason="unauthentic"})") >= 500; }));
  for (std::uint16_t i = 0; i < 20; ++i) speak(a, i);

  CHECK(house.until([&] { return heard(listener, a) == 20; }));
  CHECK(house.metric(R"(roomshard_dropped_packets_total{reason="sender_limit"})") == 0);
}

TEST_CASE("a receiver that reads nothing takes nothing from the others") {
  House house;
  Member& speaker = house.join("room", "aaaaaaaa");
  Member& dead = house.join("room", "bbbbbbbb");
  Member& listener = house.join("room", "cccccccc");
  dead.client.pause(true);

  std::uint16_t sent = 0;
  CHECK(house.until([&] {
    // No more on the way than its socket holds.
    for (; sent < heard(listener, speaker) + 50 && sent < 5000; ++sent) speak(speaker, sent, 1000);
    return heard(listener, speaker) == 5000;
  }));
  CHECK(house.metric(R"(roomshard_dropped_packets_total{reason="no_buffer"})") == 0);
  CHECK(dead.client.rtp.empty());
}

TEST_CASE("sources of one endpoint have a bound") {
  BridgeConfig config = House::default_config();
  config.limits.max_sources_per_endpoint = 1;
  House house(config);
  house.join("room", "aaaaaaaa", 1);

  CHECK(house.metric("roomshard_sources_refused_total") == 1);
}

TEST_CASE("the bridge tells of each endpoint what goes in and out, and which layers it gets") {
  BridgeConfig config = House::default_config();
  config.limits.report_interval = milliseconds(50);
  House house(config);
  Member& a = house.join("room", "aaaaaaaa", 2);
  Member& b = house.join("room", "bbbbbbbb");
  house.want_video(b, 180);

  EndpointReport from;
  EndpointReport to;
  std::uint16_t sent = 0;
  CHECK(house.until([&] {
    speak(a, sent++);
    const BridgeReport report = house.bridge().report();
    from = report.conferences.at(0).endpoints.at(0);
    to = report.conferences.at(0).endpoints.at(1);
    return from.in.packets_per_second > 0 && to.out.packets_per_second > 0 && !to.videos.empty();
  }));

  CHECK(from.id == "aaaaaaaa");
  CHECK(to.id == "bbbbbbbb");
  CHECK(from.out.packets_per_second == 0);
  CHECK(to.in.packets_per_second == 0);
  CHECK(to.wanted_videos == 1);
  REQUIRE(to.videos.size() == 1);
  CHECK(to.videos[0].source == "aaaaaaaa-v0");
  CHECK(to.videos[0].wanted_height == 180);
  CHECK(house.metric("roomshard_join_seconds_count") == 2);
  CHECK(house.metric("roomshard_forward_delay_seconds_count") > 0);
}
