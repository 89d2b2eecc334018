#include "bench/roomload/signal/channel.hpp"

#include <doctest/doctest.h>

#include "sfu/bridge/channel_messages.hpp"

using namespace roomgate::bench::roomload::signal;
namespace bridge = roomgate::sfu::bridge;

TEST_CASE("the bridge understands what we want to see") {
  WantedVideo wanted;
  wanted.last_n = 5;
  wanted.on_stage = {"a-v0"};
  wanted.heights = {{"a-v0", 720}};

  const auto parsed = bridge::parse_channel_message(receiver_video_constraints(wanted), "me");

  REQUIRE(parsed);
  const auto& constraints = std::get<bridge::ReceiverVideoConstraints>(*parsed);
  CHECK(constraints.last_n == 5);
  CHECK(constraints.on_stage == std::vector<std::string>{"a-v0"});
  CHECK(constraints.default_max_height == 180);
  CHECK(constraints.max_heights == std::vector<std::pair<std::string, int>>{{"a-v0", 720}});
  CHECK(bridge::parse_channel_message(source_video_type("me-v0", "camera"), "me"));
}

TEST_CASE("what the bridge says is read, in both vocabularies") {
  const auto constraints = read_channel_message(bridge::sender_source_constraints("me-v0", 360));
  const auto old = read_channel_message(bridge::sender_video_constraints(180));
  const auto forwarded = read_channel_message(bridge::forwarded_sources({"a-v0", "b-v0"}, {}));
  const auto speaker = read_channel_message(bridge::dominant_speaker_changed("a", {"b"}, false));

  REQUIRE(constraints);
  CHECK(std::get<SenderConstraints>(*constraints).source == "me-v0");
  CHECK(std::get<SenderConstraints>(*constraints).max_height == 360);
  REQUIRE(old);
  CHECK(std::get<SenderConstraints>(*old).max_height == 180);
  REQUIRE(forwarded);
  CHECK(std::get<ForwardedSources>(*forwarded).sources == std::vector<std::string>{"a-v0", "b-v0"});
  REQUIRE(speaker);
  CHECK(std::get<DominantSpeaker>(*speaker).endpoint == "a");
}

TEST_CASE("what the bridge's own SSRCs stand for is read") {
  const auto videos = read_channel_message(bridge::sources_map(
      bridge::Media::video, {{"a-v0", "a", 4000000000, 5, false}, {"b-v0", "b", 6, 0, true}}));
  const auto voices =
      read_channel_message(bridge::sources_map(bridge::Media::audio, {{"a-a0", "a", 7, 0, false}}));

  REQUIRE(videos);
  const auto& map = std::get<SourcesMap>(*videos);
  CHECK(map.video);
  REQUIRE(map.entries.size() == 2);
  CHECK(map.entries[0].source == "a-v0");
  CHECK(map.entries[0].ssrc == 4000000000);
  CHECK(map.entries[0].rtx == 5);
  CHECK(map.entries[1].rtx == 0);
  REQUIRE(voices);
  CHECK_FALSE(std::get<SourcesMap>(*voices).video);
  CHECK(std::get<SourcesMap>(*voices).entries.at(0).ssrc == 7);
}

TEST_CASE("other classes and no JSON are nothing") {
  for (const char* text :
       {"", "[]", "{}", "{\"colibriClass\":7}", "{\"colibriClass\":\"ServerHello\"}", "{\"colibriClass\":"}) {
    CHECK_FALSE(read_channel_message(text));
  }
}
