#include "sfu/bridge/channel_messages.hpp"

#include <doctest/doctest.h>

using namespace roomgate::sfu::bridge;

namespace {

FromClient parsed(std::string_view text) {
  auto result = parse_channel_message(text, "8fc6a697");
  REQUIRE(result);
  return *result;
}

ChannelError error_of(std::string_view text) {
  const auto result = parse_channel_message(text, "8fc6a697");
  REQUIRE(!result);
  return result.error();
}

}  // namespace

TEST_CASE("reads the constraints of a current client") {
  const auto message = parsed(
      R"({"colibriClass":"ReceiverVideoConstraints","lastN":-1,"assumedBandwidthBps":-1,"selectedSources":["A-v0"],)"
      R"("onStageSources":["B-v0"],"defaultConstraints":{"maxHeight":180},)"
      R"("constraints":{"B-v0":{"maxHeight":720,"maxFrameRate":30}}})");

  const ReceiverVideoConstraints expected{.last_n = kUnlimited,
                                          .assumed_bandwidth = -1.0,
                                          .selected = {{"A-v0"}},
                                          .on_stage = {{"B-v0"}},
                                          .default_max_height = 180,
                                          .max_heights = {{{"B-v0", 720}}}};
  CHECK(message == FromClient(expected));
}

TEST_CASE("shard rule 16: reads the constraints of a client of 2021, which speak of endpoints") {
  const auto message = parsed(
      R"({"colibriClass":"ReceiverVideoConstraints","selectedEndpoints":["A"],"onStageEndpoints":["B"],)"
      R"("constraints":{"B":{"maxHeight":-5}}})");

  const ReceiverVideoConstraints expected{
      .selected = {{"A"}}, .on_stage = {{"B"}}, .max_heights = {{{"B", kUnlimited}}}};
  CHECK(message == FromClient(expected));
}

TEST_CASE("leaves what constraints do not mention") {
  CHECK(parsed(R"({"colibriClass":"ReceiverVideoConstraints"})") == FromClient(ReceiverVideoConstraints{}));
  CHECK(parsed(R"({"colibriClass":"ReceiverVideoConstraints","lastN":2.9})") ==
        FromClient(ReceiverVideoConstraints{.last_n = 2}));
  CHECK(parsed(R"({"colibriClass":"ReceiverVideoConstraints","lastN":1e300})") ==
        FromClient(ReceiverVideoConstraints{.last_n = 100000}));
}

TEST_CASE("reads both ways of telling a video type, and last-n") {
  CHECK(parsed(R"({"colibriClass":"SourceVideoTypeMessage","sourceName":"A-v0","videoType":"none"})") ==
        FromClient(VideoTypeChanged{"A-v0", VideoType::none}));
  CHECK(parsed(R"({"colibriClass":"VideoTypeMessage","videoType":"desktop_high_fps"})") ==
        FromClient(VideoTypeChanged{"", VideoType::desktop}));
  CHECK(parsed(R"({"colibriClass":"LastNChangedEvent","lastN":5})") == FromClient(LastNChanged{5}));
  CHECK(parsed(R"({"colibriClass":"ClientHello"})") == FromClient(ClientHello{}));
  CHECK(
      parsed(R"({"all":false,"colibriClass":"ReceiverAudioSubscription","exclude":["x"],"include":["y"]})") ==
      FromClient(ReceiverAudioSubscription{false, {"y"}, {"x"}}));
}

TEST_CASE("overwrites the sender of what is relayed") {
  const auto message =
      parsed(R"({"colibriClass":"EndpointMessage","from":"victim","to":"B","msgPayload":{"a":[1,"x"]}})");

  const auto* relayed = std::get_if<Relayed>(&message);
  REQUIRE(relayed != nullptr);
  CHECK(relayed->to == "B");
  CHECK(relayed->text.find("victim") == std::string::npos);
  CHECK(relayed->text.find(R"("from":"8fc6a697")") != std::string::npos);
  CHECK(relayed->text.find(R"("msgPayload":{"a":[1,"x"]})") != std::string::npos);
}

TEST_CASE("relays a field named twice once only") {
  const auto message = parsed(R"({"colibriClass":"EndpointStats","from":"a","from":"b"})");

  const std::string text = std::get<Relayed>(message).text;
  CHECK(text.find("from") == text.rfind("from"));
}

TEST_CASE("tells what is wrong with a channel message") {
  CHECK(error_of("") == ChannelError::not_json);
  CHECK(error_of("[]") == ChannelError::not_json);
  CHECK(error_of(R"({"colibriClass":"ClientHello"} x)") == ChannelError::not_json);
  CHECK(error_of(R"({"a":1})") == ChannelError::no_class);
  CHECK(error_of(R"({"colibriClass":5})") == ChannelError::no_class);
  CHECK(error_of(R"({"colibriClass":"SomethingNew"})") == ChannelError::unknown_class);
  CHECK(error_of(R"({"colibriClass":"LastNChangedEvent"})") == ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"ReceiverVideoConstraints","lastN":"x"})") == ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"ReceiverVideoConstraints","selectedSources":[7]})") ==
        ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"ReceiverVideoConstraints","constraints":{"a":1}})") ==
        ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"SourceVideoTypeMessage","videoType":"none"})") ==
        ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"VideoTypeMessage","videoType":"smell"})") == ChannelError::bad_field);
  CHECK(error_of(R"({"colibriClass":"EndpointMessage","to":{}})") == ChannelError::bad_field);
  CHECK(error_of(std::string(70000, ' ')) == ChannelError::too_large);
  CHECK(error_of(std::string(5000, '[')) == ChannelError::not_json);
}

TEST_CASE("bounds the lists of a channel message") {
  const ChannelLimits limits{.max_names = 2, .max_name_length = 4};
  const auto result = [&limits](std::string_view list) {
    return parse_channel_message(
        std::string(R"({"colibriClass":"ReceiverVideoConstraints","selectedSources":)") + std::string(list) +
            "}",
        "A", limits);
  };

  CHECK(result(R"(["a","b"])"));
  CHECK(!result(R"(["a","b","c"])"));
  CHECK(!result(R"(["abcde"])"));
}

TEST_CASE("writes what clients read") {
  CHECK(server_hello("1") == R"({"colibriClass":"ServerHello","version":"1"})");
  CHECK(forwarded_sources({"A-v0", "B-v0"}, {}) ==
        R"({"colibriClass":"ForwardedSources","forwardedSources":["A-v0","B-v0"]})");
  CHECK(last_n_endpoints_changed({"A"}) ==
        R"({"colibriClass":"LastNEndpointsChangeEvent","lastNEndpoints":["A"]})");
  CHECK(
      dominant_speaker_changed("A", {"B"}, false) ==
      R"({"colibriClass":"DominantSpeakerEndpointChangeEvent","dominantSpeakerEndpoint":"A","previousSpeakers":["B"],"silence":false})");
  CHECK(sender_source_constraints("A-v0", 720) ==
        R"({"colibriClass":"SenderSourceConstraints","sourceName":"A-v0","maxHeight":720})");
  CHECK(sender_video_constraints(360) ==
        R"({"colibriClass":"SenderVideoConstraints","videoConstraints":{"idealHeight":360}})");
  CHECK(connectivity_changed("A", false) ==
        R"({"colibriClass":"EndpointConnectivityStatusChangeEvent","endpoint":"A","active":"false"})");
  CHECK(forwarded_sources({}, {"A-v0"}) ==
        R"({"colibriClass":"ForwardedSources","forwardedSources":[],"suspendedSources":["A-v0"]})");
  CHECK(connection_stats(2500000, false) ==
        R"({"colibriClass":"ConnectionStats","estimatedDownlinkBandwidth":2500000,"limited":false})");
  const std::vector<MappedSource> mapped = {{"A-v0", "A", 111, 112, false},
                                            {"B-v0", "B", 4294967295, 0, true}};
  CHECK(sources_map(Media::video, mapped) ==
        R"({"colibriClass":"VideoSourcesMap","mappedSources":[)"
        R"({"source":"A-v0","owner":"A","ssrc":111,"rtx":112,"videoType":"CAMERA"},)"
        R"({"source":"B-v0","owner":"B","ssrc":4294967295,"rtx":-1,"videoType":"DESKTOP"}]})");
  CHECK(sources_map(Media::audio, {{"A-a0", "A", 113, 0, false}}) ==
        R"({"colibriClass":"AudioSourcesMap","mappedSources":[{"source":"A-a0","owner":"A","ssrc":113}]})");
}
