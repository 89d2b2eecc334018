// The way from joining to media (jitsi-signalling 10, lines 9 to 16), with one, two and three participants.
#include "sfu/focus/focus.hpp"

#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;
namespace xmpp = roomgate::sfu::xmpp;

namespace {

std::size_t position(const Journal& journal, const std::string& entry) {
  const auto found = std::find(journal.begin(), journal.end(), entry);
  REQUIRE_MESSAGE(found != journal.end(), entry);
  return static_cast<std::size_t>(found - journal.begin());
}

}  // namespace

TEST_CASE("a room exists from its conference request on, with the focus' presence") {
  Shard shard;

  REQUIRE(shard.focus.conference_requested(kRoom, shard.now));

  CHECK(shard.focus.conferences() == 1);
  REQUIRE(shard.rooms.presence.size() == 1);
  std::map<std::string, std::string> properties;
  for (const Element* p : shard.rooms.presence[0].children("property", "http://jitsi.org/protocol/focus")) {
    properties[std::string(p->attribute_or("key", ""))] = p->attribute_or("value", "");
  }
  CHECK(shard.rooms.presence[0].is("conference-properties", "http://jitsi.org/protocol/focus"));
  CHECK(properties ==
        std::map<std::string, std::string>{{"support-session-restart", "true"}, {"bridge-count", "1"}});
}

TEST_CASE("whoever is alone is invited at once") {
  Shard shard;

  shard.join("aaaaaaaa");

  REQUIRE(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 1);
  CHECK(shard.rooms.sent.empty());
  shard.allocate("aaaaaaaa");
  CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").size() == 1);
  CHECK(shard.phase("aaaaaaaa") == Phase::invited);
}

TEST_CASE("two participants meet") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);

  // The newcomer knows of the first from its offer, the first hears of the newcomer.
  const std::string offer = Shard::sources(*shard.rooms.to("bbbbbbbb", "session-initiate")[0]);
  CHECK(has(offer, "\"aaaaaaaa\""));
  CHECK(has(offer, "\"jvb\""));
  CHECK(shard.rooms.to("bbbbbbbb", "source-add").empty());
  REQUIRE(shard.rooms.to("aaaaaaaa", "source-add").size() == 1);
  const Element& add = *shard.rooms.to("aaaaaaaa", "source-add")[0];
  CHECK(add.attribute_or("sid", "") == shard.sid("aaaaaaaa"));
  CHECK(Shard::sources(add) ==
        R"({"sources":{"bbbbbbbb":[[{"s":"210","n":"bbbbbbbb-v0","m":"bbbbbbbb-video-0-1 befc3dec-1"},)"
        R"({"s":"211","n":"bbbbbbbb-v0","m":"bbbbbbbb-video-0-1 befc3dec-1"}],[["f","210","211"]],)"
        R"([{"s":"200","n":"bbbbbbbb-a0","m":"bbbbbbbb-audio-0-1 e9b3ebba-1"}]]}})");
}

TEST_CASE("the bridge gets transport and all layers of the sources") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  const auto transport = shard.link.all<bridge::SetTransport>("aaaaaaaa");
  const auto sources = shard.link.all<bridge::SetSources>("aaaaaaaa");

  REQUIRE(transport.size() == 1);
  CHECK(transport[0] == bridge::SetTransport{.conference = shard.conference(),
                                             .endpoint = "aaaaaaaa",
                                             .ufrag = "u/Cw",
                                             .pwd = "PJ0ahJY7WrYLHlviGTPCS0vf",
                                             .fingerprint = {"sha-256", kPrint},
                                             .features = {.transport_cc = true, .source_names = true}});
  REQUIRE(sources.size() == 1);
  REQUIRE(sources[0].sources.size() == 2);
  CHECK(sources[0].sources[0].layers == std::vector<bridge::Layer>{{100, 0}});
  CHECK(sources[0].sources[1].layers == std::vector<bridge::Layer>{{110, 111}, {112, 114}, {113, 115}});
}

TEST_CASE("three participants: everybody is told of the two others exactly once") {
  Shard shard;
  const std::vector<std::string> nicks = {"aaaaaaaa", "bbbbbbbb", "cccccccc"};
  for (unsigned i = 0; i < 3; ++i) shard.enter(nicks[i], 100 * (i + 1));

  for (const std::string& me : nicks) {
    for (const std::string& other : nicks) {
      std::size_t told = 0;
      for (const auto& iq : shard.rooms.sent) {
        if (iq.nick == me && has(Shard::sources(iq.payload), "\"" + other + "\":")) ++told;
      }
      CHECK(told == (me == other ? 0u : 1u));
    }
  }
  CHECK(shard.focus.participants() == 3);
}

TEST_CASE("everybody joins before anybody accepts: the sources come by source-add") {
  Shard shard;
  for (const std::string nick : {"aaaaaaaa", "bbbbbbbb", "cccccccc"}) {
    shard.join(nick);
    shard.allocate(nick);
    shard.answer_initiate(nick);
  }
  unsigned base = 100;
  for (const std::string nick : {"aaaaaaaa", "bbbbbbbb", "cccccccc"}) shard.accept(nick, base += 100);

  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 2);
  CHECK(shard.rooms.to("bbbbbbbb", "source-add").size() == 2);
  REQUIRE(shard.rooms.to("cccccccc", "source-add").size() == 1);  // both in one
  CHECK(has(shard.last_sources("cccccccc", "source-add"), "\"aaaaaaaa\""));
  CHECK(has(shard.last_sources("cccccccc", "source-add"), "\"bbbbbbbb\""));
}

TEST_CASE("the session-accept is answered first, then the bridge, then the others") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.journal.clear();
  shard.enter("bbbbbbbb", 200);

  const Journal& journal = shard.journal;
  CHECK(position(journal, "result bbbbbbbb") < position(journal, "bridge SetTransport bbbbbbbb"));
  CHECK(position(journal, "bridge SetTransport bbbbbbbb") < position(journal, "bridge SetSources bbbbbbbb"));
  CHECK(position(journal, "bridge SetSources bbbbbbbb") < position(journal, "iq aaaaaaaa source-add"));
}

TEST_CASE("sources that come up while a client is being invited wait for its session-accept's result") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb");
  shard.allocate("bbbbbbbb");
  shard.enter("cccccccc", 300);
  CHECK(shard.rooms.to("bbbbbbbb", "source-add").empty());
  shard.journal.clear();

  shard.answer_initiate("bbbbbbbb");
  shard.accept("bbbbbbbb", 200);

  CHECK(position(shard.journal, "result bbbbbbbb") < position(shard.journal, "iq bbbbbbbb source-add"));
  CHECK(has(shard.last_sources("bbbbbbbb", "source-add"), "\"cccccccc\""));
  CHECK(!has(shard.last_sources("bbbbbbbb", "source-add"), "\"aaaaaaaa\""));
}

TEST_CASE("a track added later is told, a removed one is taken back") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  const std::string screen =
      "<source name='bbbbbbbb-v1' ssrc='290' videoType='desktop' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>"
      "<parameter name='msid' value='d e'/></source>";

  shard.iq("bbbbbbbb", jingle_iq("source-add", shard.sid("bbbbbbbb"), in_content("video", screen)));
  CHECK(shard.reply().result);
  CHECK(shard.last_sources("aaaaaaaa", "source-add") ==
        R"({"sources":{"bbbbbbbb":[[{"s":"290","n":"bbbbbbbb-v1","m":"d e","v":"d"}]]}})");
  CHECK(shard.link.all<bridge::SetSources>("bbbbbbbb").back().sources.size() == 3);

  shard.iq("bbbbbbbb", jingle_iq("source-remove", shard.sid("bbbbbbbb"), in_content("video", screen)));
  CHECK(shard.reply().result);
  CHECK(shard.last_sources("aaaaaaaa", "source-remove") ==
        R"({"sources":{"bbbbbbbb":[[{"s":"290","n":"bbbbbbbb-v1","m":"d e","v":"d"}]]}})");
  CHECK(shard.link.all<bridge::SetSources>("bbbbbbbb").back().sources.size() == 2);
}

TEST_CASE("when somebody leaves, the others get source-remove and the bridge forgets the endpoint") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  const std::size_t sent_to_b = shard.rooms.to("bbbbbbbb", "source-remove").size();

  shard.leave("bbbbbbbb");

  REQUIRE(shard.rooms.to("aaaaaaaa", "source-remove").size() == 1);
  CHECK(has(shard.last_sources("aaaaaaaa", "source-remove"), "\"s\":\"210\""));
  CHECK(shard.rooms.to("bbbbbbbb", "source-remove").size() == sent_to_b);
  CHECK(shard.link.all<bridge::Expire>("bbbbbbbb").size() == 1);
  REQUIRE(shard.sink.closed.size() == 1);
  CHECK(shard.sink.closed[0] == std::pair<std::string, std::uint16_t>{"bbbbbbbb", 1001});
}

TEST_CASE("somebody who joins after a leave is not told of who left") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  shard.leave("bbbbbbbb");
  shard.enter("cccccccc", 200);  // the SSRCs are free again

  CHECK(!has(Shard::sources(*shard.rooms.to("cccccccc", "session-initiate")[0]), "bbbbbbbb"));
}

TEST_CASE("the last one out ends the conference at the bridge") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string id = shard.conference();

  shard.leave("aaaaaaaa");

  CHECK(shard.focus.conferences() == 0);
  REQUIRE(shard.link.all<bridge::Expire>("").size() == 1);
  CHECK(shard.link.all<bridge::Expire>("")[0].conference == id);
}

TEST_CASE("a room opened again is another conference to the bridge") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string before = shard.conference();
  shard.leave("aaaaaaaa");

  shard.enter("aaaaaaaa", 100);

  CHECK(shard.conference() != before);
  CHECK(!shard.focus.channel_check(before, "aaaaaaaa", "secret-of-aaaaaaaa"));
}

TEST_CASE("the same nick joining again starts from nothing") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  const std::string old_sid = shard.sid("bbbbbbbb");

  shard.focus.occupant_joined(kRoom, shard.rooms.inside[1], Element("presence", "jabber:client"), shard.now);
  shard.allocate("bbbbbbbb");

  CHECK(shard.rooms.to("aaaaaaaa", "source-remove").size() == 1);
  CHECK(shard.sid("bbbbbbbb") != old_sid);
}

TEST_CASE(
    "shard rule 8: the bridge channel is addressable from the session-initiate on, by its secret only") {
  Shard shard;
  shard.join("aaaaaaaa");
  const std::string id = shard.conference();
  CHECK(!shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaaa"));

  shard.allocate("aaaaaaaa");

  CHECK(shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaaa"));
  CHECK(!shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaab"));
  CHECK(!shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaa"));
  CHECK(!shard.focus.channel_check(id, "aaaaaaaa", "secret-of-aaaaaaaaa"));
  CHECK(!shard.focus.channel_check(id, "aaaaaaaa", ""));
  CHECK(!shard.focus.channel_check(id, "bbbbbbbb", "secret-of-aaaaaaaa"));
  CHECK(!shard.focus.channel_check("other", "aaaaaaaa", "secret-of-aaaaaaaa"));
  CHECK(has(shard.rooms.sent[0].payload.serialize(),
            "wss://meet.example:8443/colibri-ws/shard-0/" + id + "/aaaaaaaa?pwd=secret-of-aaaaaaaa"));
}

TEST_CASE("frames pass between the channel and the bridge") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string id = shard.conference();

  shard.focus.channel_frame(id, "aaaaaaaa", "{too early}");
  shard.focus.channel_opened(id, "aaaaaaaa");
  shard.focus.channel_frame(id, "aaaaaaaa", "{up}");
  shard.focus.channel_frame(id, "aaaaaaaa", std::string(100000, 'x'));
  shard.focus.on_event(bridge::ChannelFrame{id, "aaaaaaaa", "{down}"}, shard.now);
  shard.focus.channel_closed(id, "aaaaaaaa");
  shard.focus.on_event(bridge::ChannelFrame{id, "aaaaaaaa", "{too late}"}, shard.now);
  shard.focus.channel_opened("nowhere", "aaaaaaaa");

  CHECK(shard.link.all<bridge::ChannelOpened>("aaaaaaaa").size() == 1);
  CHECK(shard.link.all<bridge::ChannelClosed>("aaaaaaaa").size() == 1);
  REQUIRE(shard.link.all<bridge::ChannelFrame>("aaaaaaaa").size() == 1);
  CHECK(shard.link.all<bridge::ChannelFrame>("aaaaaaaa")[0].text == "{up}");
  REQUIRE(shard.sink.frames.size() == 1);
  CHECK(shard.sink.frames[0].second == "{down}");
}

TEST_CASE("what others ask of the focus") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string id = shard.conference();
  CHECK(!shard.focus.media_alive(kRoom, "aaaaaaaa"));

  shard.focus.on_event(bridge::EndpointChanged{id, "aaaaaaaa", bridge::EndpointState::connected, ""},
                       shard.now);
  shard.focus.on_event(bridge::DominantSpeaker{id, "aaaaaaaa"}, shard.now);
  shard.focus.on_event(bridge::DominantSpeaker{id, "nobody"}, shard.now);
  shard.focus.on_event(bridge::Stress{.stress = 0.25}, shard.now);

  CHECK(shard.focus.media_alive(kRoom, "aaaaaaaa"));
  CHECK(shard.focus.dominant_speaker(kRoom) == "aaaaaaaa");
  CHECK(shard.focus.stress() == doctest::Approx(0.25));
  REQUIRE(shard.focus.census().size() == 1);
  CHECK(shard.focus.census()[0].room == kRoom);
  CHECK(shard.focus.census()[0].participants == 1);
  CHECK(has(shard.registry.text(), "roomshard_participants 1"));
  shard.focus.on_event(bridge::EndpointChanged{id, "aaaaaaaa", bridge::EndpointState::interrupted, ""},
                       shard.now);
  CHECK(!shard.focus.media_alive(kRoom, "aaaaaaaa"));
}

TEST_CASE("new rooms are refused while draining or full, rooms that exist are served on") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  shard.focus.set_draining(true);
  CHECK(shard.focus.state() == ShardState::drain);
  CHECK(!shard.focus.conference_requested("beta@conference.meet.jitsi", shard.now));
  CHECK(shard.focus.conference_requested(kRoom, shard.now));
  shard.enter("bbbbbbbb", 200);

  shard.focus.set_draining(false);
  CHECK(shard.focus.state() == ShardState::ready);
  shard.focus.on_event(bridge::Stress{.stress = 0.97}, shard.now);
  CHECK(shard.focus.state() == ShardState::full);
  CHECK(!shard.focus.conference_requested("beta@conference.meet.jitsi", shard.now));
  CHECK(shard.focus.conference_requested(kRoom, shard.now));
}

TEST_CASE("a full shard is ready again only when its stress is well below") {
  Shard shard;
  const auto state_at = [&](double stress) {
    shard.focus.on_event(bridge::Stress{.stress = stress}, shard.now);
    return shard.focus.state();
  };

  CHECK(state_at(0.85) == ShardState::ready);
  CHECK(state_at(0.9) == ShardState::full);
  CHECK(state_at(0.8) == ShardState::full);
  CHECK(state_at(0.7) == ShardState::ready);
  CHECK(state_at(0.8) == ShardState::ready);
}

TEST_CASE("conferences and participants have a bound") {
  Config config;
  config.limits.conferences = 1;
  config.limits.participants_per_conference = 1;
  Shard shard(config);
  shard.enter("aaaaaaaa", 100);

  shard.join("bbbbbbbb");

  CHECK(shard.link.all<bridge::Allocate>("bbbbbbbb").empty());
  CHECK(!shard.focus.conference_requested("beta@conference.meet.jitsi", shard.now));
  shard.iq("bbbbbbbb", jingle_iq("session-terminate", "x", ""));
  CHECK(shard.reply().error.condition == "item-not-found");
}

TEST_CASE("large rooms collect source changes") {
  Config config;
  config.limits.batch_members = 3;
  config.limits.large_batch_members = 4;
  Shard shard(config);
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 1);

  shard.enter("cccccccc", 300);
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 1);
  shard.wait(milliseconds(400));
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 1);
  shard.wait(milliseconds(100));
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 2);

  shard.enter("dddddddd", 400);
  shard.leave("dddddddd");  // three are left: the wait is that of the join all the same
  shard.wait(milliseconds(1000));
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 2);  // came and went: nothing to tell
  CHECK(shard.rooms.to("aaaaaaaa", "source-remove").empty());
}

TEST_CASE("a newcomer to a large room does not wait for what it missed") {
  Config config;
  config.limits.batch_members = 2;
  Shard shard(config);
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  shard.enter("bbbbbbbb", 200);

  shard.answer_initiate("aaaaaaaa");
  shard.accept("aaaaaaaa", 100);

  CHECK(has(shard.last_sources("aaaaaaaa", "source-add"), "\"bbbbbbbb\""));
}
