// One test for each pitfall of jitsi-signalling 12 that is the focus' to avoid, under its number there.
#include <set>

#include "sfu/focus/focus.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;

TEST_CASE("pitfall 1: the bridge's own sources are in every initiate") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  shard.focus.on_event(bridge::RestartWanted{shard.conference(), "aaaaaaaa", ""}, shard.now);
  shard.allocate("aaaaaaaa");

  std::size_t initiates = 0;
  for (const auto& iq : shard.rooms.sent) {
    if (iq.payload.attribute_or("action", "") != "session-initiate") continue;
    ++initiates;
    CHECK(has(Shard::sources(iq.payload),
              R"("jvb":[[{"s":"4000000001","n":"jvb-v0","m":"mixedmslabel mixedlabelvideo0"}],[],)"
              R"([{"s":"4000000002","n":"jvb-a0","m":"mixedmslabel mixedlabelaudio0"}]])"));
  }
  CHECK(initiates == 3);
}

TEST_CASE("pitfall 1: no endpoint passes itself off as the bridge") {
  Shard shard;

  shard.join("jvb");

  CHECK(shard.link.commands.empty());
}

TEST_CASE("pitfall 5: the session-accept's result comes before anything else") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb");
  shard.allocate("bbbbbbbb");
  shard.enter("cccccccc", 300);
  shard.answer_initiate("bbbbbbbb");
  shard.journal.clear();

  shard.accept("bbbbbbbb", 200);

  CHECK(shard.journal.at(0) == "result bbbbbbbb");
}

TEST_CASE("pitfall 6: no mid extension in any offer") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  const std::string text = shard.rooms.sent[0].payload.serialize();

  CHECK(!has(text, "sdes:mid"));
  CHECK(!has(text, "rtp-stream-id"));
}

TEST_CASE("pitfall 7: every offer has a feedback for the send estimate") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  CHECK(has(shard.rooms.sent[0].payload.serialize(), "transport-wide-cc"));
}

TEST_CASE("pitfall 9: every request is answered exactly once, whatever it is") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string sid = shard.sid("aaaaaaaa");

  // Shard::iq checks the count.
  for (const std::string& s : {sid, std::string("x"), std::string()}) {
    for (const std::string action :
         {"session-accept", "session-info", "session-initiate", "source-add", "source-remove",
          "transport-info", "transport-accept", "content-modify", "nonsense", ""}) {
      for (const std::string inside :
           {"", "<content name='audio'/>", "<json-message xmlns='http://jitsi.org/jitmeet'>{</json-message>",
            "<content name='video'><description xmlns='urn:xmpp:jingle:apps:rtp:1'><source "
            "xmlns='urn:xmpp:jingle:apps:rtp:ssma:0' ssrc='x'/></description></content>"}) {
        shard.iq("aaaaaaaa", jingle_iq(action, s, inside));
        shard.iq("stranger", jingle_iq(action, s, inside));
      }
    }
  }
  shard.iq("aaaaaaaa",
           "<iq id='1' type='set' xmlns='jabber:client'><mute xmlns='http://jitsi.org/jitmeet/audio'/></iq>");
  shard.iq("aaaaaaaa", jingle_iq("session-terminate", sid, ""));
}

TEST_CASE("pitfall 11: no SIM group and never a client's own sources in initiate or source-add") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  shard.enter("cccccccc", 300);
  shard.iq("cccccccc", jingle_iq("session-terminate", shard.sid("cccccccc"),
                                 "<bridge-session xmlns='http://jitsi.org/protocol/focus' restart='true'/>"));
  shard.allocate("cccccccc");
  shard.answer_initiate("cccccccc");
  shard.accept("cccccccc", 300);

  for (const auto& iq : shard.rooms.sent) {
    const std::string sources = Shard::sources(iq.payload);
    CHECK(!has(sources, "\"s\",\""));              // ["s", ...]
    CHECK(!has(sources, "\"" + iq.nick + "\":"));  // an owner
    for (const unsigned upper : {112u, 113u, 114u, 115u, 212u, 312u}) {
      CHECK(!has(sources, "\"" + std::to_string(upper) + "\""));
    }
  }
}

TEST_CASE("pitfall 12: a session-accept without candidates is complete") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  const std::string accept = accept_iq("aaaaaaaa", shard.sid("aaaaaaaa"), audio_source("aaaaaaaa", 100), "");
  REQUIRE(!has(accept, "<candidate"));

  shard.iq("aaaaaaaa", accept);

  CHECK(shard.reply().result);
}

TEST_CASE("pitfall 13: the offer is actpass, and an answer that is not active is refused") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  std::string accept = accept_iq("aaaaaaaa", shard.sid("aaaaaaaa"), audio_source("aaaaaaaa", 100), "");
  accept.replace(accept.find("'active'"), 8, "'passive'");

  shard.iq("aaaaaaaa", accept);

  CHECK(has(shard.rooms.sent[0].payload.serialize(), "actpass"));
  CHECK(!shard.reply().result);
}

TEST_CASE("pitfall 14: mixed one-byte and two-byte header extensions are allowed in both contents") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  const std::string text = shard.rooms.sent[0].payload.serialize();

  const std::size_t first = text.find("extmap-allow-mixed");
  REQUIRE(first != std::string::npos);
  CHECK(text.find("extmap-allow-mixed", first + 1) != std::string::npos);
}

TEST_CASE("pitfall 17: a restart is terminate and initiate with a new sid, never transport-replace") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.focus.on_event(bridge::RestartWanted{shard.conference(), "aaaaaaaa", ""}, shard.now);
  shard.allocate("aaaaaaaa");

  std::set<std::string> sids;
  for (const Element* initiate : shard.rooms.to("aaaaaaaa", "session-initiate")) {
    sids.insert(std::string(initiate->attribute_or("sid", "")));
  }
  CHECK(sids.size() == 2);
  CHECK(shard.rooms.to("aaaaaaaa", "transport-replace").empty());
}

TEST_CASE("pitfall 19: the bridge channel may come before the session-accept") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  const std::string id = shard.conference();

  CHECK(shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaaa"));
  shard.focus.channel_opened(id, "aaaaaaaa");
  shard.focus.channel_frame(id, "aaaaaaaa", "{}");

  CHECK(shard.link.all<bridge::ChannelOpened>("aaaaaaaa").size() == 1);
  CHECK(shard.link.all<bridge::ChannelFrame>("aaaaaaaa").size() == 1);
}

TEST_CASE("pitfall 20: a source name of another endpoint is refused") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb");
  shard.allocate("bbbbbbbb");

  shard.iq("bbbbbbbb", accept_iq("bbbbbbbb", shard.sid("bbbbbbbb"), audio_source("aaaaaaaa", 200), ""));

  CHECK(shard.reply().error.condition == "bad-request");
  CHECK(has(shard.reply().error.text, "another endpoint"));
}

TEST_CASE(
    "shard rule 16: a client of 2021 names no sources: the others are told made-up names, the bridge is told "
    "that it is "
    "old") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join(
      "bbbbbbbb", false,
      "<presence "
      "xmlns='jabber:client'><jitsi_participant_codecType>vp8</jitsi_participant_codecType></presence>");
  shard.allocate("bbbbbbbb");
  shard.answer_initiate("bbbbbbbb");
  const auto unnamed = [](std::string text) {
    for (const std::string name : {" name='bbbbbbbb-a0'", " name='bbbbbbbb-v0'"}) {
      for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name))
        text.erase(at, name.size());
    }
    return text;
  };

  shard.iq("bbbbbbbb", accept_iq("bbbbbbbb", shard.sid("bbbbbbbb"), unnamed(audio_source("bbbbbbbb", 200)),
                                 unnamed(video_sources("bbbbbbbb", 200))));

  CHECK(shard.reply().result);
  const std::string told = shard.last_sources("aaaaaaaa", "source-add");
  CHECK(has(told, R"({"s":"210","n":"bbbbbbbb-v0","m":"bbbbbbbb-video-0-1 befc3dec-1"})"));
  CHECK(has(told, R"({"s":"200","n":"bbbbbbbb-a0","m":"bbbbbbbb-audio-0-1 e9b3ebba-1"})"));
  CHECK(!shard.link.all<bridge::SetTransport>("bbbbbbbb").at(0).features.source_names);
  CHECK(shard.link.all<bridge::SetSources>("bbbbbbbb").at(0).sources.at(1).layers.size() == 3);
}

TEST_CASE("shard rule 16: a client of 2021 that comes without tracks is known by its presence") {
  Shard shard;
  shard.join(
      "bbbbbbbb", false,
      "<presence "
      "xmlns='jabber:client'><jitsi_participant_codecType>vp8</jitsi_participant_codecType></presence>");
  shard.allocate("bbbbbbbb");

  shard.iq("bbbbbbbb", accept_iq("bbbbbbbb", shard.sid("bbbbbbbb"), "", ""));

  CHECK(!shard.link.all<bridge::SetTransport>("bbbbbbbb").at(0).features.source_names);
}
