#include <doctest/doctest.h>

#include "tests/sfu/bridge/support/house.hpp"

using namespace roomgate;
using namespace roomgate::sfu::bridge;
using namespace roomgate::test;

TEST_CASE("an allocation says all that an offer needs") {
  House house;

  const Member& member = house.enter("room", "aaaaaaaa");

  const Allocated& a = member.allocated;
  CHECK(a.ufrag.size() >= 4);
  CHECK(a.pwd.size() >= 22);
  CHECK(a.fingerprint.hash == "sha-256");
  CHECK(a.fingerprint.value.size() == 95);
  CHECK(a.channel_secret.size() == 32);
  CHECK(a.channel_secret != a.pwd);
  CHECK(a.bridge == "shard-test");
  REQUIRE(a.candidates.size() == 1);
  CHECK(a.candidates[0].ip == "127.0.0.1");
  CHECK(a.candidates[0].port == house.bridge().media_addresses()[0].port());
  CHECK(a.audio_ssrc != 0);
  CHECK(a.video_ssrc != 0);
}

TEST_CASE("pitfall 20: messages between endpoints are relayed under their true sender, and not echoed") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  Member& b = house.enter("room", "bbbbbbbb");
  Member& c = house.enter("room", "cccccccc");
  for (Member* member : {&a, &b, &c}) house.open_channel(*member);

  house.say(a, R"({"colibriClass":"EndpointMessage","from":"cccccccc","to":"","msgPayload":{"n":1}})");
  house.say(a, R"({"colibriClass":"EndpointMessage","to":"bbbbbbbb","msgPayload":{"n":2}})");
  house.say(a, R"({"colibriClass":"EndpointStats","jvbRTT":3})");
  REQUIRE(house.until(
      [&] { return house.got_frame(b, "EndpointStats") && house.got_frame(c, "EndpointStats"); }));

  CHECK(house.got_frame(b, R"("n":1)"));
  CHECK(house.got_frame(b, R"("n":2)"));
  CHECK(house.got_frame(c, R"("n":1)"));
  CHECK(!house.got_frame(c, R"("n":2)"));
  CHECK(house.got_frame(c, R"("from":"aaaaaaaa")"));
  CHECK(!house.got_frame(b, R"("from":"cccccccc")"));
  CHECK(!house.got_frame(a, "msgPayload"));
}

TEST_CASE("a channel begins with a hello; unknown and broken messages are counted and change nothing") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  house.open_channel(a);

  house.say(a, R"({"colibriClass":"FromTheFuture"})");
  house.say(a, "{");
  house.say(a, R"({"colibriClass":"ClientHello"})");
  REQUIRE(house.until([&] { return house.frames_to(a).size() == 2; }));

  CHECK(house.frames_to(a)[0].find("ServerHello") != std::string::npos);
  CHECK(house.metric(R"(roomshard_channel_messages_refused_total{reason="unknown_class"})") == 1);
  CHECK(house.metric(R"(roomshard_channel_messages_refused_total{reason="bad"})") == 1);
}

TEST_CASE("a source that nobody watches is told so at first, and wishes are passed on") {
  House house;
  Member& a = house.enter("room", "aaaaaaaa");
  Member& b = house.enter("room", "bbbbbbbb");
  house.open_channel(a);
  house.open_channel(b);
  house.announce(a, 3);
  REQUIRE(house.until([&] { return house.got_frame(a, R"("sourceName":"aaaaaaaa-v0","maxHeight":0)"); }));

  house.say(b,
            R"({"colibriClass":"ReceiverVideoConstraints","constraints":{"aaaaaaaa-v0":{"maxHeight":360}}})");
  REQUIRE(house.until([&] { return house.got_frame(a, R"("sourceName":"aaaaaaaa-v0","maxHeight":360)"); }));
  REQUIRE(house.until([&] { return house.got_frame(b, R"("forwardedSources":["aaaaaaaa-v0"])"); }));

  house.say(b,
            R"({"colibriClass":"ReceiverVideoConstraints","constraints":{"aaaaaaaa-v0":{"maxHeight":-1}}})");
  REQUIRE(house.until([&] { return house.got_frame(a, R"("sourceName":"aaaaaaaa-v0","maxHeight":-1)"); }));
}

TEST_CASE("a wish that shrinks reaches the sender after a while") {
  BridgeConfig config = House::default_config();
  config.limits.lower_sender_after = milliseconds(300);
  House house(config);
  Member& a = house.enter("room", "aaaaaaaa");
  Member& b = house.enter("room", "bbbbbbbb");
  house.open_channel(a);
  house.announce(a, 3);
  house.want_video(b, 720);
  REQUIRE(house.until([&] { return house.got_frame(a, R"("maxHeight":720)"); }));

  house.want_video(b, 180);

  REQUIRE(
      house.until([&] { return house.frames_to(a).back().find(R"("maxHeight":180)") != std::string::npos; }));
}

TEST_CASE("shard rule 16: a client of 2021 speaks of endpoints, and is spoken to so") {
  House house;
  Member& old = house.enter("room", "aaaaaaaa");
  Member& b = house.enter("room", "bbbbbbbb");
  house.set_transport(old, {.transport_cc = true, .source_names = false});
  house.open_channel(old);
  house.open_channel(b);
  house.announce(old, 3);
  house.announce(b, 3);

  house.say(old, R"({"colibriClass":"ReceiverVideoConstraints","lastN":1,"selectedEndpoints":["bbbbbbbb"],)"
                 R"("onStageEndpoints":["bbbbbbbb"],"constraints":{"bbbbbbbb":{"maxHeight":720}}})");
  house.want_video(b, 360);

  REQUIRE(house.until([&] { return house.got_frame(old, R"("lastNEndpoints":["bbbbbbbb"])"); }));
  REQUIRE(house.until([&] { return house.got_frame(old, R"("videoConstraints":{"idealHeight":360})"); }));
  REQUIRE(house.until([&] { return house.got_frame(b, R"("sourceName":"bbbbbbbb-v0","maxHeight":720)"); }));
  CHECK(!house.got_frame(old, "ForwardedSources"));
  CHECK(!house.got_frame(old, "SenderSourceConstraints"));

  house.say(old, R"({"colibriClass":"VideoTypeMessage","videoType":"none"})");
  REQUIRE(house.until(
      [&] { return house.frames_to(b).back().find(R"("forwardedSources":[])") != std::string::npos; }));
}

TEST_CASE(
    "shard rule 16: a client of 2021 whose channel opened before its answer is told again in its own words") {
  House house;
  Member& old = house.enter("room", "aaaaaaaa");
  house.open_channel(old);
  house.announce(old, 3);
  REQUIRE(house.until([&] { return house.got_frame(old, "SenderSourceConstraints"); }));

  house.set_transport(old, {.transport_cc = true, .source_names = false});

  REQUIRE(house.until([&] { return house.got_frame(old, R"("videoConstraints":{"idealHeight":0})"); }));
}

TEST_CASE("who speaks is told to all, and to whoever opens a channel later") {
  House house;
  Member& a = house.join("room", "aaaaaaaa");
  Member& b = house.join("room", "bbbbbbbb");
  Member& late = house.enter("room", "llllllll");

  std::uint16_t sequence = 0;
  REQUIRE(house.until([&] {
    a.client.send_rtp(make_rtp({.sequence = sequence++, .ssrc = a.ssrcs.audio, .level = 10, .payload = {1}}));
    return house.got_frame(b, R"("dominantSpeakerEndpoint":"aaaaaaaa")");
  }));

  CHECK(house.got_frame(a, R"("dominantSpeakerEndpoint":"aaaaaaaa")"));
  CHECK(std::any_of(house.events.begin(), house.events.end(), [](const Event& event) {
    return event == Event(DominantSpeaker{"room", "aaaaaaaa"});
  }));
  CHECK(!house.got_frame(late, "dominantSpeaker"));
  house.open_channel(late);
  REQUIRE(house.until([&] { return house.got_frame(late, R"("dominantSpeakerEndpoint":"aaaaaaaa")"); }));
}

TEST_CASE("stress is told now and then") {
  House house;

  REQUIRE(house.until([&] {
    return std::any_of(house.events.begin(), house.events.end(),
                       [](const Event& event) { return std::holds_alternative<Stress>(event); });
  }));
}
