#include "sfu/focus/jingle_offer.hpp"

#include <set>

#include "sfu/focus/codecs.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;

namespace {

const std::string kRtp = "urn:xmpp:jingle:apps:rtp:1";
const std::string kExtensions = "urn:xmpp:jingle:apps:rtp:rtp-hdrext:0";
const std::string kIce = "urn:xmpp:jingle:transports:ice-udp:1";

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

Offer offer() {
  return {.room = kRoom,
          .sid = "27d2c55b902c",
          .initiator = "focus@auth.meet.jitsi/focus",
          .bridge_session = "4ee73cfd",
          .channel_url = "wss://h/colibri-ws/shard-0/c/8fc6a697?pwd=s",
          .others = {}};
}

const Element& content(const Element& jingle, const std::string& name) {
  for (const Element* found : jingle.children("content", "urn:xmpp:jingle:1")) {
    if (found->attribute_or("name", "") == name) return *found;
  }
  FAIL("no content");
  return jingle;
}
const Element& description(const Element& jingle, const std::string& name) {
  return *content(jingle, name).child("description", kRtp);
}

std::set<std::string> feedback(const Element& payload_type) {
  std::set<std::string> out;
  for (const Element* fb : payload_type.children("rtcp-fb", "urn:xmpp:jingle:apps:rtp:rtcp-fb:0")) {
    out.insert(std::string(fb->attribute_or("type", "")) + " " +
               std::string(fb->attribute_or("subtype", "")));
  }
  return out;
}

}  // namespace

TEST_CASE("session-initiate has both contents, the group, the bridge session and the sources") {
  const Element jingle = session_initiate(offer(), allocation());

  CHECK(jingle.is("jingle", "urn:xmpp:jingle:1"));
  CHECK(jingle.attribute_or("action", "") == "session-initiate");
  CHECK(jingle.attribute_or("sid", "") == "27d2c55b902c");
  CHECK(jingle.attribute_or("initiator", "") == "focus@auth.meet.jitsi/focus");
  CHECK(jingle.children("content", "urn:xmpp:jingle:1").size() == 2);
  CHECK(content(jingle, "audio").attribute_or("senders", "") == "both");
  CHECK(content(jingle, "audio").attribute_or("creator", "") == "initiator");
  const Element* group = jingle.child("group", "urn:xmpp:jingle:apps:grouping:0");
  REQUIRE(group != nullptr);
  CHECK(group->attribute_or("semantics", "") == "BUNDLE");
  CHECK(group->children("content", "urn:xmpp:jingle:apps:grouping:0").size() == 2);
  const Element* session = jingle.child("bridge-session", "http://jitsi.org/protocol/focus");
  CHECK(session->attribute_or("id", "") == "4ee73cfd");
  CHECK(session->attribute_or("region", "") == "lab");
}

TEST_CASE("the payload types are the specified ones, in its order") {
  const Element jingle = session_initiate(offer(), allocation());
  const auto ids = [&](const std::string& media) {
    std::string out;
    for (const Element* codec : description(jingle, media).children("payload-type", kRtp)) {
      out += std::string(codec->attribute_or("id", "")) + "=" + std::string(codec->attribute_or("name", "")) +
             " ";
    }
    return out;
  };

  CHECK(ids("audio") == "111=opus 126=telephone-event ");
  CHECK(ids("video") == "41=AV1 100=VP8 107=H264 101=VP9 42=rtx 96=rtx 97=rtx 99=rtx ");
}

TEST_CASE("each rtx names the codec it repeats, H264 its profile, opus its two channels") {
  const Element jingle = session_initiate(offer(), allocation());
  std::map<std::string, std::string> parameters;
  for (const std::string media : {"audio", "video"}) {
    for (const Element* codec : description(jingle, media).children("payload-type", kRtp)) {
      for (const Element* p : codec->children("parameter", kRtp)) {
        parameters[std::string(codec->attribute_or("id", ""))] +=
            std::string(p->attribute_or("name", "")) + "=" + std::string(p->attribute_or("value", "")) + ";";
      }
    }
  }

  CHECK(parameters["42"] == "apt=41;");
  CHECK(parameters["96"] == "apt=100;");
  CHECK(parameters["97"] == "apt=101;");
  CHECK(parameters["99"] == "apt=107;");
  CHECK(parameters["107"] == "profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1;");
  CHECK(parameters["111"] == "minptime=10;useinbandfec=1;");
  CHECK(description(jingle, "audio").child("payload-type", kRtp)->attribute_or("channels", "") == "2");
}

TEST_CASE("the header extensions are the specified ones, without mid") {
  const Element jingle = session_initiate(offer(), allocation());
  const auto ids = [&](const std::string& media) {
    std::set<std::string> out;
    for (const Element* e : description(jingle, media).children("rtp-hdrext", kExtensions)) {
      out.insert(std::string(e->attribute_or("id", "")));
    }
    return out;
  };

  CHECK(ids("audio") == std::set<std::string>{"1", "5"});
  CHECK(ids("video") == std::set<std::string>{"3", "5", "11"});
  CHECK(description(jingle, "video").child("extmap-allow-mixed", kExtensions) != nullptr);
  CHECK(description(jingle, "video").child("rtcp-mux", kRtp) != nullptr);
}

TEST_CASE("shard rule 12: transport-cc is offered, goog-remb only to a client without it") {
  Offer without = offer();
  without.transport_cc = false;
  const Element usual = session_initiate(offer(), allocation());
  const Element other = session_initiate(without, allocation());
  const auto first = [](const Element& jingle, const std::string& media) {
    return feedback(*description(jingle, media).child("payload-type", kRtp));
  };

  CHECK(first(usual, "video") == std::set<std::string>{"ccm fir", "nack ", "nack pli", "transport-cc "});
  CHECK(first(usual, "audio") == std::set<std::string>{"transport-cc "});
  CHECK(first(other, "video") == std::set<std::string>{"ccm fir", "nack ", "nack pli", "goog-remb "});
  CHECK(first(other, "audio").empty());
  CHECK(!has(other.serialize(), "transport-wide-cc"));
  CHECK(!has(usual.serialize(), "goog-remb"));
}

TEST_CASE("both contents carry the same transport, with fingerprint, channel address and candidates") {
  const Element jingle = session_initiate(offer(), allocation());
  const Element& transport = *content(jingle, "audio").child("transport", kIce);

  CHECK(transport == *content(jingle, "video").child("transport", kIce));
  CHECK(transport.attribute_or("ufrag", "") == "34826dc4");
  CHECK(transport.attribute_or("pwd", "") == "58c0de8e330c394d3d7038e7");
  CHECK(transport.child("rtcp-mux", kIce) != nullptr);
  const Element* print = transport.child("fingerprint", "urn:xmpp:jingle:apps:dtls:0");
  CHECK(print->attribute_or("setup", "") == "actpass");
  CHECK(print->text() == kPrint);
  CHECK(transport.child("web-socket", "http://jitsi.org/protocol/colibri")->attribute_or("url", "") ==
        "wss://h/colibri-ws/shard-0/c/8fc6a697?pwd=s");
  const auto candidates = transport.children("candidate", kIce);
  REQUIRE(candidates.size() == 2);
  CHECK(candidates[0]->attribute_or("ip", "") == "192.0.2.10");
  CHECK(candidates[0]->attribute_or("port", "") == "10000");
  CHECK(candidates[0]->attribute_or("protocol", "") == "udp");
  CHECK(candidates[0]->attribute_or("id", "") != candidates[1]->attribute_or("id", ""));
}

TEST_CASE("every part of the channel's address is escaped") {
  CHECK(channel_url("wss://h:8443/", "shard-0", "c0ffee", "8fc6a697", "5e") ==
        "wss://h:8443/colibri-ws/shard-0/c0ffee/8fc6a697?pwd=5e");
  CHECK(channel_url("wss://h", "s", "c", "a/b?c", "x&y") == "wss://h/colibri-ws/s/c/a%2Fb%3Fc?pwd=x%26y");
}

TEST_CASE("in the XML encoding the sources are in the descriptions and there is no json-message") {
  Offer in_xml = offer();
  in_xml.encoding = SourceEncoding::xml;

  const Element jingle = session_initiate(in_xml, allocation());

  CHECK(jingle.child("json-message") == nullptr);
  CHECK(description(jingle, "video").child("source")->attribute_or("name", "") == "jvb-v0");
  CHECK(description(jingle, "audio").child("source")->attribute_or("ssrc", "") == "4000000002");
}

TEST_CASE("source-add in XML has only the contents that changed") {
  const AnnouncedByOwner sources = {
      {"bb", {{.name = "bb-a0", .msid = "s u", .media = bridge::Media::audio, .ssrc = 9}}}};

  const Element jingle = source_change(SourceAction::add, "sid1", kRoom, sources, SourceEncoding::xml);

  REQUIRE(jingle.children("content", "urn:xmpp:jingle:1").size() == 1);
  CHECK(description(jingle, "audio").child("source")->attribute_or("ssrc", "") == "9");
}

TEST_CASE("no two offered things share an id") {
  std::set<int> ids;
  for (const PayloadType& codec : kPayloadTypes) CHECK(ids.insert(codec.id).second);
  ids.clear();
  for (const HeaderExtension& extension : kHeaderExtensions) {
    CHECK(ids.insert(extension.id).second);
    CHECK(extension.id != kMidExtension);
  }
}
