#include "bench/roomload/signal/offer.hpp"

#include <doctest/doctest.h>

#include "sfu/focus/jingle_answer.hpp"
#include "sfu/focus/jingle_offer.hpp"
#include "sfu/xmpp/parser.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::signal;
namespace focus = roomgate::sfu::focus;
namespace bridge = roomgate::sfu::bridge;
using roomgate::sfu::xmpp::Element;

namespace {

const std::string kPrint =
    "53:72:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:53:72:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:E4";

bridge::Allocated allocation() {
  return {.request = 1,
          .conference = "c",
          .endpoint = "8fc6a697",
          .ufrag = "34826dc4",
          .pwd = "58c0de8e330c394d3d7038e7",
          .fingerprint = {"sha-256", kPrint},
          .candidates = {{"192.0.2.10", 10000, 2130706431, "1"}, {"2001:db8::1", 10001, 2130706430, "2"}},
          .channel_secret = "s",
          .bridge = "shard-0",
          .bridge_region = "lab",
          .audio_ssrc = 4000000002,
          .video_ssrc = 4000000001};
}

focus::Announced source(std::string name, bridge::Media media, std::uint32_t ssrc, std::uint32_t rtx) {
  return {.name = name, .msid = name + " t", .media = media, .desktop = false, .ssrc = ssrc, .rtx = rtx};
}

// As it comes over the wire.
Element initiate(focus::SourceEncoding encoding) {
  focus::Offer offer{.room = "alpha@conference.meet.jitsi",
                     .sid = "27d2c55b902c",
                     .initiator = "focus@auth.meet.jitsi/focus",
                     .bridge_session = "4ee73cfd",
                     .channel_url = "wss://h/colibri-ws/shard-0/c/8fc6a697?pwd=s",
                     .encoding = encoding,
                     .others = {}};
  offer.others["548301e2"] = {source("548301e2-a0", bridge::Media::audio, 7, 0),
                              source("548301e2-v0", bridge::Media::video, 11, 12)};
  auto parsed = sfu::xmpp::parse_stanza(focus::session_initiate(offer, allocation()).serialize());
  REQUIRE(parsed);
  return *parsed;
}

Answer answer() {
  Answer out;
  out.responder = "8fc6a697-7e2a-453e-a39d-3e70a1abad01@meet.jitsi/x";
  out.ufrag = "ab12cd34";
  out.pwd = "0123456789abcdef01234567";
  out.fingerprint = kPrint;
  out.video_codec = "VP8";
  out.sources = {{"8fc6a697-a0", "8fc6a697-audio-0-1 u-1", false, {100}, {}},
                 {"8fc6a697-v0", "8fc6a697-video-0-1 v-1", true, {201, 202, 203}, {301, 302, 303}}};
  return out;
}

}  // namespace

TEST_CASE("an offer of ours is read, its sources in either encoding") {
  for (const auto encoding : {focus::SourceEncoding::json, focus::SourceEncoding::xml}) {
    const auto offer = read_offer(initiate(encoding));

    REQUIRE(offer);
    CHECK(offer->sid == "27d2c55b902c");
    CHECK(offer->bridge_session == "4ee73cfd");
    CHECK(offer->ufrag == "34826dc4");
    CHECK(offer->fingerprint_hash == "sha-256");
    CHECK(offer->fingerprint == kPrint);
    REQUIRE(offer->candidates.size() == 2);
    CHECK(offer->candidates[0].address == *Address::parse("192.0.2.10:10000"));
    CHECK(offer->candidates[1].address == *Address::parse("[2001:db8::1]:10001"));
    CHECK(offer->channel_url == "wss://h/colibri-ws/shard-0/c/8fc6a697?pwd=s");
    CHECK(offer->payload_type("VP8") == 100);
    CHECK(offer->rtx_payload_type(100) == 96);
    CHECK(offer->payload_type("opus") == 111);
    CHECK(offer->payload_type("H265") == 0);
    CHECK(offer->transport_cc());
    CHECK(offer->extension("urn:ietf:params:rtp-hdrext:ssrc-audio-level") == 1);
    REQUIRE(offer->sources.count("548301e2") == 1);
    const auto& other = offer->sources.at("548301e2");
    CHECK(other.ssrcs.size() == 3);
    REQUIRE(other.groups.size() == 1);
    CHECK(other.groups[0].ssrcs == std::vector<std::uint32_t>{11, 12});
    CHECK(offer->sources.count("jvb") == 1);
  }
}

TEST_CASE("an offer without what a session needs is refused with the word for it") {
  Element jingle = initiate(focus::SourceEncoding::json);
  jingle.remove_attribute("sid");

  const auto offer = read_offer(jingle);

  REQUIRE_FALSE(offer);
  CHECK(offer.error() == "it has no sid");
  CHECK_FALSE(read_offer(Element("jingle", "urn:xmpp:jingle:1").set("sid", "1")));
}

TEST_CASE("the focus of the shard takes our answer") {
  const auto offer = read_offer(initiate(focus::SourceEncoding::json));
  REQUIRE(offer);

  const Element written = session_accept(*offer, "alpha@conference.meet.jitsi/focus", answer());
  const auto accepted =
      focus::parse_session_accept(*sfu::xmpp::parse_stanza(written.serialize()), "8fc6a697");

  REQUIRE(accepted);
  CHECK(accepted->ufrag == "ab12cd34");
  CHECK(accepted->fingerprint.value == kPrint);
  CHECK(accepted->transport_cc);
  CHECK(accepted->source_names);
  CHECK(accepted->sources.ssrcs.size() == 7);
  REQUIRE(accepted->sources.groups.size() == 4);
  CHECK(accepted->sources.groups[3].kind == focus::GroupKind::simulcast);
  CHECK(accepted->sources.groups[3].ssrcs == std::vector<std::uint32_t>{201, 202, 203});
}

TEST_CASE("the focus of the shard understands that we have no transport-cc") {
  const auto offer = read_offer(initiate(focus::SourceEncoding::json));
  REQUIRE(offer);
  Answer without = answer();
  without.transport_cc = false;

  const Element written = session_accept(*offer, "f", without);
  const auto accepted =
      focus::parse_session_accept(*sfu::xmpp::parse_stanza(written.serialize()), "8fc6a697");

  REQUIRE(accepted);
  CHECK_FALSE(accepted->transport_cc);
  CHECK(written.serialize().find("nack") != std::string::npos);
}

TEST_CASE("the wanted codec comes first in the answer, and the others stay") {
  const auto offer = read_offer(initiate(focus::SourceEncoding::json));
  REQUIRE(offer);

  const Element written = session_accept(*offer, "f", answer());

  const Element* video = written.children("content", "urn:xmpp:jingle:1")[1];
  const auto types = video->child("description")->children("payload-type", "urn:xmpp:jingle:apps:rtp:1");
  REQUIRE(types.size() == 8);
  CHECK(types[0]->attribute_or("name", "") == "VP8");
}

TEST_CASE("sources are added and removed in words that the focus takes") {
  const Element written = source_change(true, "s1", answer().sources);

  const auto change = focus::parse_source_change(*sfu::xmpp::parse_stanza(written.serialize()), "8fc6a697");

  REQUIRE(change);
  CHECK(change->ssrcs.size() == 7);
  CHECK(change->groups.size() == 4);
}

TEST_CASE("a restart asks for another session") {
  const auto offer = read_offer(initiate(focus::SourceEncoding::json));
  REQUIRE(offer);

  const Element written = session_terminate(*offer, "connectivity-error", true);
  const auto end = focus::parse_session_terminate(*sfu::xmpp::parse_stanza(written.serialize()));

  CHECK(end.reason == "connectivity-error");
  CHECK(end.bridge_session == "4ee73cfd");
  CHECK(end.restart);
}
