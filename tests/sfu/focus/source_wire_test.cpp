#include "sfu/focus/source_wire.hpp"

#include "sfu/focus/sources.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;

TEST_CASE("compact JSON is written in the form the clients read") {
  const AnnouncedByOwner sources = {
      {"bb",
       {{.name = "bb-v0", .msid = "s t", .media = bridge::Media::video, .ssrc = 7, .rtx = 8},
        {.name = "bb-a0", .msid = "s u", .media = bridge::Media::audio, .ssrc = 9}}}};

  CHECK(
      to_json(sources) ==
      R"({"sources":{"bb":[[{"s":"7","n":"bb-v0","m":"s t"},{"s":"8","n":"bb-v0","m":"s t"}],[["f","7","8"]],)"
      R"([{"s":"9","n":"bb-a0","m":"s u"}]]}})");
}

TEST_CASE("trailing empty lists are left out, a desktop is marked") {
  const AnnouncedByOwner sources = {
      {"bb", {{.name = "bb-v1", .msid = "s t", .media = bridge::Media::video, .desktop = true, .ssrc = 7}}}};

  CHECK(to_json(sources) == R"({"sources":{"bb":[[{"s":"7","n":"bb-v1","m":"s t","v":"d"}]]}})");
}

TEST_CASE("what is written is read back as the same sources") {
  const AnnouncedByOwner sources = {
      {"bb",
       {{.name = "bb-v0", .msid = "s \"t<&", .media = bridge::Media::video, .ssrc = 4294967295, .rtx = 8},
        {.name = "bb-v1", .msid = "d e", .media = bridge::Media::video, .desktop = true, .ssrc = 10},
        {.name = "bb-a0", .msid = "s u", .media = bridge::Media::audio, .ssrc = 9}}}};

  auto read = parse_json_sources(to_json(sources));
  REQUIRE(read.ok());
  const auto assembled = assemble(read->at("bb"), "bb", {});
  REQUIRE(assembled.ok());
  AnnouncedList again;
  for (const NamedSource& source : *assembled) again.push_back(announce(source));
  CHECK(again == sources.at("bb"));
}

TEST_CASE("SSRCs in JSON are numbers or strings") {
  const auto read = parse_json_sources(R"({"sources":{"aa":[[],[],[{"s":12},{"s":"4294967295","m":"x"}]]}})");

  REQUIRE(read.ok());
  CHECK(read->at("aa").ssrcs[0].ssrc == 12);
  CHECK(read->at("aa").ssrcs[1].ssrc == 4294967295);
}

TEST_CASE("refuses JSON that is not a list of sources") {
  const std::vector<std::string> bad = {
      "",
      "[]",
      "{}",
      R"({"sources":[]})",
      R"({"sources":{"a":{}}})",
      R"({"sources":{"a":[{}]}})",
      R"({"sources":{"a":[[1]]}})",
      R"({"sources":{"a":[[{}]]}})",
      R"({"sources":{"a":[[{"s":0}]]}})",
      R"({"sources":{"a":[[{"s":-1}]]}})",
      R"({"sources":{"a":[[{"s":4294967296}]]}})",
      R"({"sources":{"a":[[{"s":"1x"}]]}})",
      R"({"sources":{"a":[[{"s":" 1"}]]}})",
      R"({"sources":{"a":[[{"s":1.5}]]}})",
      R"({"sources":{"a":[[{"s":1,"n":2}]]}})",
      R"({"sources":{"a":[[{"s":1,"m":[]}]]}})",
      R"({"sources":{"a":[[{"s":1}],[["x",1]]]}})",
      R"({"sources":{"a":[[{"s":1}],[[]]]}})",
      R"({"sources":{"a":[[{"s":1}],[["f",0]]]}})",
      R"({"sources":{"a":[[{"s":1}],[["f",1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16]]]}})",
      R"({"sources":{"a":[[],[],[],[],[]]}})",
      R"({"sources":{}} x)",
      std::string(70000, ' ') + R"({"sources":{}})",
      std::string(100, '['),
  };
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 80));
    CHECK(!parse_json_sources(text).ok());
  }
}

TEST_CASE("XML towards clients carries owner, msid and the FID group") {
  Element described("description", "urn:xmpp:jingle:apps:rtp:1");
  const AnnouncedByOwner sources = {
      {"bb", {{.name = "bb-v0", .msid = "s t", .media = bridge::Media::video, .ssrc = 7, .rtx = 8}}},
      {"jvb",
       {{.name = "jvb-v0",
         .msid = "mixedmslabel mixedlabelvideo0",
         .media = bridge::Media::video,
         .ssrc = 5}}}};

  add_xml_sources(sources, kRoom, bridge::Media::video, described);

  const std::string ns = "urn:xmpp:jingle:apps:rtp:ssma:0";
  REQUIRE(described.children("source", ns).size() == 3);
  const Element& first = *described.child("source", ns);
  CHECK(first.attribute_or("name", "") == "bb-v0");
  CHECK(first.attribute_or("videoType", "") == "camera");
  CHECK(first.child("parameter", ns)->attribute_or("value", "") == "s t");
  CHECK(first.child("ssrc-info", "http://jitsi.org/jitmeet")->attribute_or("owner", "") == kRoom + "/bb");
  CHECK(described.children("source", ns)[2]
            ->child("ssrc-info", "http://jitsi.org/jitmeet")
            ->attribute_or("owner", "") == "jvb");
  REQUIRE(described.children("ssrc-group", ns).size() == 1);
  CHECK(described.child("ssrc-group", ns)->attribute_or("semantics", "") == "FID");

  RawSources read;
  REQUIRE(parse_xml_sources(described, bridge::Media::video, read).ok());
  CHECK(read.ssrcs.size() == 3);
  CHECK(read.groups.size() == 1);
}
