#include "sfu/focus/sources.hpp"

#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;

namespace {

RawSsrc audio(std::uint32_t ssrc, std::string name, std::string msid) {
  return {.ssrc = ssrc, .media = bridge::Media::audio, .name = std::move(name), .msid = std::move(msid)};
}
RawSsrc video(std::uint32_t ssrc, std::string name, std::string msid) {
  return {.ssrc = ssrc, .media = bridge::Media::video, .name = std::move(name), .msid = std::move(msid)};
}
RawGroup fid(std::uint32_t a, std::uint32_t b) {
  return {.kind = GroupKind::retransmission, .ssrcs = {a, b}};
}
RawGroup sim(std::vector<std::uint32_t> ssrcs) {
  return {.kind = GroupKind::simulcast, .ssrcs = std::move(ssrcs)};
}

RawSources simulcast() {
  RawSources raw;
  for (std::uint32_t ssrc : {1u, 2u, 3u, 11u, 12u, 13u}) raw.ssrcs.push_back(video(ssrc, "aa-v0", "s t"));
  raw.groups = {fid(1, 11), sim({1, 2, 3}), fid(2, 12), fid(3, 13)};
  return raw;
}

SignallingError error_of(const RawSources& raw, const std::string& endpoint = "aa",
                         const std::vector<NamedSource>& existing = {}) {
  const auto result = assemble(raw, endpoint, existing);
  REQUIRE(!result.ok());
  CHECK(!describe(result.error()).empty());
  return result.error();
}

}  // namespace

TEST_CASE("a simulcast source has its layers low to high, each with its RTX") {
  const auto sources = assemble(simulcast(), "aa", {});

  REQUIRE(sources.ok());
  REQUIRE(sources->size() == 1);
  CHECK((*sources)[0].source.layers == std::vector<bridge::Layer>{{1, 11}, {2, 12}, {3, 13}});
  CHECK((*sources)[0].msid == "s t");
}

TEST_CASE("receivers are told of the first layer and its RTX only") {
  const auto sources = assemble(simulcast(), "aa", {});

  const Announced told = announce((*sources)[0]);

  CHECK(told ==
        Announced{.name = "aa-v0", .msid = "s t", .media = bridge::Media::video, .ssrc = 1, .rtx = 11});
}

TEST_CASE("a client that names no source gets names made up, by msid") {
  const RawSources raw{
      .ssrcs = {video(1, "", "s v"), audio(5, "", "s a"), video(2, "", "s v"), video(7, "", "d v")},
      .groups = {fid(1, 2)}};

  const auto sources = assemble(raw, "aa", {});

  REQUIRE(sources.ok());
  REQUIRE(sources->size() == 3);
  CHECK((*sources)[0].source.name == "aa-v0");
  CHECK((*sources)[0].source.layers == std::vector<bridge::Layer>{{1, 2}});
  CHECK((*sources)[1].source.name == "aa-a0");
  CHECK((*sources)[2].source.name == "aa-v1");
}

TEST_CASE("made-up names skip those in use") {
  const auto first = assemble({.ssrcs = {video(1, "", "s v")}, .groups = {}}, "aa", {});

  const auto second = assemble({.ssrcs = {video(2, "", "s w")}, .groups = {}}, "aa", *first);

  REQUIRE(second.ok());
  CHECK((*second)[0].source.name == "aa-v1");
}

TEST_CASE("a named source without an msid gets one") {
  const auto sources = assemble({.ssrcs = {audio(1, "aa-a0", "")}, .groups = {}}, "aa", {});

  REQUIRE(sources.ok());
  CHECK((*sources)[0].msid == "aa-a0 aa-a0-track");
}

TEST_CASE("several video SSRCs without a SIM group are layers in the order listed") {
  const RawSources raw{.ssrcs = {video(3, "aa-v0", "m"), video(1, "aa-v0", "m")}, .groups = {}};

  CHECK((*assemble(raw, "aa", {}))[0].source.layers == std::vector<bridge::Layer>{{3, 0}, {1, 0}});
}

TEST_CASE("refuses sources that do not hold together, and says why") {
  using E = SignallingError;
  const auto one = [](RawSsrc ssrc) { return RawSources{.ssrcs = {std::move(ssrc)}, .groups = {}}; };

  CHECK(error_of({.ssrcs = {audio(1, "aa-a0", "m"), audio(1, "aa-a1", "n")}, .groups = {}}) ==
        E::duplicate_ssrc);
  CHECK(error_of(one(audio(1, "bb-a0", "m"))) == E::foreign_source);
  CHECK(error_of(one(audio(1, "aa", "m"))) == E::bad_name);
  CHECK(error_of(one(audio(1, "aa-", "m"))) == E::bad_name);
  CHECK(error_of(one(audio(1, "aab-a0", "m"))) == E::bad_name);
  CHECK(error_of(one(audio(1, "aa-a0\r\na=x", "m"))) == E::bad_name);
  CHECK(error_of(one(audio(1, "aa-" + std::string(90, 'a'), "m"))) == E::bad_name);
  CHECK(error_of(one(audio(1, "", ""))) == E::bad_msid);
  CHECK(error_of(one(audio(1, "aa-a0", "m\r\na=ssrc:9"))) == E::bad_msid);
  CHECK(error_of(one(audio(1, "aa-a0", std::string(300, 'm')))) == E::bad_msid);
  CHECK(error_of({.ssrcs = {video(1, "aa-v0", "m"), video(2, "aa-v0", "n")}, .groups = {fid(1, 2)}}) ==
        E::bad_msid);
  CHECK(error_of({.ssrcs = {video(1, "aa-x", "m"), audio(2, "aa-x", "m")}, .groups = {}}) == E::bad_name);
  CHECK(error_of({.ssrcs = {video(1, "aa-v0", "m"), audio(2, "aa-a0", "m")}, .groups = {}}) ==
        E::msid_in_use);
  CHECK(error_of({.ssrcs = {audio(1, "aa-a0", "m"), audio(2, "aa-a0", "m")}, .groups = {}}) ==
        E::bad_audio_source);
}

TEST_CASE("no names are made from an endpoint id that would end a line of SDP") {
  const RawSources raw{.ssrcs = {audio(1, "", "m")}, .groups = {}};

  CHECK(error_of(raw, "a b") == SignallingError::bad_name);
  CHECK(error_of(raw, "a\nb") == SignallingError::bad_name);
  CHECK(error_of(raw, "") == SignallingError::bad_name);
  CHECK(error_of(raw, std::string(65, 'a')) == SignallingError::bad_name);
}

TEST_CASE("refuses groups that do not fit") {
  using E = SignallingError;
  const std::vector<RawSsrc> three = {video(1, "aa-v0", "m"), video(2, "aa-v0", "m"), video(3, "aa-v0", "m")};
  const auto with = [&](std::vector<RawGroup> groups) {
    return RawSources{.ssrcs = three, .groups = std::move(groups)};
  };

  CHECK(error_of(with({fid(1, 9)})) == E::bad_group);  // not of this source
  CHECK(error_of(with({fid(9, 1)})) == E::bad_group);
  CHECK(error_of(with({fid(1, 1)})) == E::bad_group);
  CHECK(error_of(with({fid(1, 3), fid(2, 3)})) == E::bad_group);  // one RTX for two
  CHECK(error_of(with({fid(1, 2), fid(1, 3)})) == E::bad_group);  // two RTX for one
  CHECK(error_of(with({fid(1, 2), fid(2, 3)})) == E::bad_group);  // RTX of RTX
  CHECK(error_of(with({sim({1, 2})})) == E::bad_group);           // 3 is nothing
  CHECK(error_of(with({sim({1, 2, 3}), sim({1, 2, 3})})) == E::bad_group);
  CHECK(error_of(with({sim({})})) == E::bad_group);
  CHECK(error_of(with({fid(1, 3), sim({1, 2, 3})})) == E::bad_group);  // 3 is both
  CHECK(error_of({.ssrcs = {audio(1, "aa-a0", "m"), audio(2, "aa-a0", "m")}, .groups = {fid(1, 2)}}) ==
        E::bad_audio_source);
  RawSources four = with({});
  four.ssrcs.push_back(video(4, "aa-v0", "m"));
  CHECK(error_of(four) == E::bad_group);
}

TEST_CASE("a conference refuses an SSRC that somebody has, RTX included, and leaves nothing behind") {
  const Limits limits;
  ConferenceSources sources(limits);
  REQUIRE(sources.add("aa", simulcast()).ok());

  const RawSources clash{.ssrcs = {audio(20, "bb-a0", "m"), video(13, "bb-v0", "n")}, .groups = {}};
  const auto refused = sources.add("bb", clash);

  REQUIRE(!refused.ok());
  CHECK(refused.error() == SignallingError::ssrc_in_use);
  CHECK(sources.announced("bb") == nullptr);
  CHECK(sources.add("bb", {.ssrcs = {audio(20, "bb-a0", "m")}, .groups = {}}).ok());
}

TEST_CASE("a conference refuses the bridge's SSRCs while the bridge uses them") {
  const Limits limits;
  ConferenceSources sources(limits);
  const RawSources raw{.ssrcs = {audio(50, "aa-a0", "m")}, .groups = {}};
  REQUIRE(sources.reserve(50, 51));
  REQUIRE(sources.reserve(50, 51));

  CHECK(!sources.add("aa", raw).ok());
  sources.release(50, 51);
  CHECK(!sources.add("aa", raw).ok());
  sources.release(50, 51);
  CHECK(sources.add("aa", raw).ok());
  CHECK(!sources.reserve(50, 51));
}

TEST_CASE("an endpoint has at most 20 SSRCs, in one request or several") {
  const Limits limits;
  ConferenceSources sources(limits);
  RawSources many;
  for (std::uint32_t i = 1; i <= 21; ++i)
    many.ssrcs.push_back(audio(i, "aa-a" + std::to_string(i), "m" + std::to_string(i)));

  CHECK(sources.add("aa", many).error() == SignallingError::too_many_ssrcs);
  const RawSsrc last = many.ssrcs.back();
  many.ssrcs.pop_back();
  CHECK(sources.add("aa", many).ok());
  CHECK(sources.add("aa", {.ssrcs = {last}, .groups = {}}).error() == SignallingError::too_many_ssrcs);
}

TEST_CASE("a conference has a bound on its sources") {
  Limits limits;
  limits.sources_per_conference = 1;
  ConferenceSources sources(limits);
  REQUIRE(sources.add("aa", simulcast()).ok());

  CHECK(sources.add("bb", {.ssrcs = {audio(50, "bb-a0", "m")}, .groups = {}}).error() ==
        SignallingError::too_many_sources);
  CHECK(sources.drop("aa"));
  CHECK(sources.add("bb", {.ssrcs = {audio(50, "bb-a0", "m")}, .groups = {}}).ok());
}

TEST_CASE("a removed source frees its SSRCs, a removed layer leaves the others") {
  const Limits limits;
  ConferenceSources sources(limits);
  REQUIRE(sources.add("aa", simulcast()).ok());

  REQUIRE(
      sources.remove("aa", {.ssrcs = {video(3, "", ""), video(13, "", ""), video(12, "", "")}, .groups = {}})
          .ok());
  CHECK(sources.of("aa")[0].layers == std::vector<bridge::Layer>{{1, 11}, {2, 0}});
  REQUIRE(sources.remove("aa", {.ssrcs = {video(1, "", ""), video(2, "", "")}, .groups = {}}).ok());
  CHECK(sources.announced("aa") == nullptr);
  CHECK(sources.size() == 0);
  CHECK(sources.add("bb", {.ssrcs = {audio(11, "bb-a0", "m")}, .groups = {}}).ok());
}

TEST_CASE("nobody removes what is not its own") {
  const Limits limits;
  ConferenceSources sources(limits);
  REQUIRE(sources.add("aa", simulcast()).ok());

  CHECK(sources.remove("bb", {.ssrcs = {video(1, "", "")}, .groups = {}}).error() ==
        SignallingError::foreign_source);
  CHECK(sources.remove("aa", {.ssrcs = {video(99, "", "")}, .groups = {}}).error() ==
        SignallingError::unknown_ssrc);
  CHECK(sources.size() == 1);
}

TEST_CASE("a name may come back after its source was removed, not before") {
  const Limits limits;
  ConferenceSources sources(limits);
  REQUIRE(sources.add("aa", {.ssrcs = {video(1, "aa-v0", "m")}, .groups = {}}).ok());
  const RawSources again{.ssrcs = {video(2, "aa-v0", "n")}, .groups = {}};

  CHECK(sources.add("aa", again).error() == SignallingError::name_in_use);
  REQUIRE(sources.remove("aa", {.ssrcs = {video(1, "", "")}, .groups = {}}).ok());
  CHECK(sources.add("aa", again).ok());
}
