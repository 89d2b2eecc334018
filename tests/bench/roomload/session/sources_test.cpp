#include "bench/roomload/session/sources.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::bench::roomload::session;
using roomgate::bench::roomload::media::RemoteSource;
using roomgate::sfu::bridge::Media;
using roomgate::sfu::focus::GroupKind;
using roomgate::sfu::focus::RawByOwner;

namespace {

RemoteSource video(std::string name) { return {std::move(name), true, 1, 2}; }

}  // namespace

TEST_CASE("one source for each video with its RTX, and none for the bridge's own") {
  RawByOwner raw;
  raw["jvb"].ssrcs = {{.ssrc = 1, .media = Media::audio, .name = "jvb-a0"}};
  raw["a"].ssrcs = {{.ssrc = 10, .media = Media::audio, .name = "a-a0"},
                    {.ssrc = 11, .media = Media::video, .name = "a-v0"},
                    {.ssrc = 12, .media = Media::video, .name = "a-v0"}};
  raw["a"].groups = {{GroupKind::retransmission, Media::video, {11, 12}}};

  const auto sources = remote_sources(raw);

  REQUIRE(sources.size() == 2);
  CHECK(sources[0].name == "a-a0");
  CHECK_FALSE(sources[0].video);
  CHECK(sources[1].ssrc == 11);
  CHECK(sources[1].rtx == 12);
}

TEST_CASE("a simulcast that is signalled whole is one source, and nameless ones have a name") {
  RawByOwner raw;
  for (const std::uint32_t ssrc : {1U, 2U, 3U, 11U, 12U, 13U}) {
    raw["b"].ssrcs.push_back({.ssrc = ssrc, .media = Media::video, .name = ""});
  }
  raw["b"].groups = {{GroupKind::retransmission, Media::video, {1, 11}},
                     {GroupKind::retransmission, Media::video, {2, 12}},
                     {GroupKind::retransmission, Media::video, {3, 13}},
                     {GroupKind::simulcast, Media::video, {1, 2, 3}}};

  const auto sources = remote_sources(raw);

  REQUIRE(sources.size() == 1);
  CHECK(sources[0].name == "b-v0");
  CHECK(sources[0].ssrc == 1);
  CHECK(sources[0].rtx == 11);
}

TEST_CASE("each looks at another, and goes on looking while that one is there") {
  Plan plan;
  Audience audience(plan, "b-v0");
  audience.add(video("a-v0"));
  audience.add(video("c-v0"));

  CHECK(audience.wanted().on_stage == std::vector<std::string>{"c-v0"});
  audience.add(video("bb-v0"));
  CHECK(audience.wanted().on_stage == std::vector<std::string>{"c-v0"});
  audience.remove("c-v0");
  audience.remove("bb-v0");

  const auto wanted = audience.wanted();
  CHECK(wanted.on_stage == std::vector<std::string>{"a-v0"});
  CHECK(wanted.heights == std::vector<std::pair<std::string, int>>{{"a-v0", 720}});
  CHECK(wanted.default_height == 180);
}

TEST_CASE("the other views ask for one height of all") {
  Plan plan;
  plan.view = View::full;
  Audience audience(plan, "b-v0");
  audience.add(video("a-v0"));

  CHECK(audience.wanted().default_height == 720);
  CHECK(audience.wanted().on_stage.empty());
}

TEST_CASE("a changing view asks for another height each time") {
  Plan plan;
  plan.view = View::changing;
  Audience audience(plan, "b-v0");
  std::vector<int> heights;

  for (int i = 0; i < 4; ++i) {
    heights.push_back(audience.wanted().default_height);
    audience.turn();
  }

  CHECK(heights == std::vector<int>{720, 180, 360, 720});
}
