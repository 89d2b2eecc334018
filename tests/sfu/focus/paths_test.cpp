// What goes wrong on the way: lost answers, refusals, restarts, requests that do not fit.
#include "sfu/focus/focus.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;
using namespace roomgate::sfu::focus::test;
namespace bridge = roomgate::sfu::bridge;
namespace xmpp = roomgate::sfu::xmpp;

namespace {

std::string restart_request(const std::string& sid, const std::string& bridge_session = "") {
  return jingle_iq("session-terminate", sid,
                   "<reason><connectivity-error/><text>ICE FAILED</text></reason><bridge-session "
                   "xmlns='http://jitsi.org/protocol/focus' restart='true'" +
                       (bridge_session.empty() ? "" : " id='" + bridge_session + "'") + "/>");
}

bool says_no_bridge(const Shard& shard) {
  return std::any_of(shard.rooms.presence.begin(), shard.rooms.presence.end(),
                     [](const Element& e) { return e.name() == "bridgeNotAvailable"; });
}

}  // namespace

// ---- allocation

TEST_CASE("an allocation without an answer is expired and tried again") {
  Shard shard;
  shard.join("aaaaaaaa");
  const bridge::Allocated late = shard.allocated("aaaaaaaa");

  shard.wait(milliseconds(9900));
  CHECK(shard.link.all<bridge::Expire>("aaaaaaaa").empty());
  shard.wait(milliseconds(100));
  CHECK(shard.link.all<bridge::Expire>("aaaaaaaa").size() == 1);
  shard.wait(seconds(1));
  CHECK(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 2);

  shard.focus.on_event(late, shard.now);  // the first one's answer: void
  CHECK(shard.rooms.sent.empty());
  shard.allocate("aaaaaaaa");
  CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").size() == 1);
}

TEST_CASE("after three failures the room is told that there is no bridge, and is told again when there is") {
  Shard shard;
  shard.join("aaaaaaaa");
  for (int i = 0; i < 3; ++i) {
    CHECK(!says_no_bridge(shard));
    const auto asked = shard.link.all<bridge::Allocate>("aaaaaaaa").back();
    shard.focus.on_event(bridge::AllocateFailed{asked.request, asked.conference, "aaaaaaaa", "full"},
                         shard.now);
    shard.wait(seconds(i + 1));
  }
  CHECK(says_no_bridge(shard));
  CHECK(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 3);

  shard.wait(seconds(30));
  CHECK(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 4);
  shard.allocate("aaaaaaaa");

  CHECK(!says_no_bridge(shard));
  CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").size() == 1);
}

TEST_CASE("somebody who leaves while being allocated is expired, and the answer is void") {
  Shard shard;
  shard.enter("bbbbbbbb", 200);
  shard.join("aaaaaaaa");
  const bridge::Allocated answer = shard.allocated("aaaaaaaa");

  shard.leave("aaaaaaaa");
  shard.focus.on_event(answer, shard.now);

  CHECK(shard.link.all<bridge::Expire>("aaaaaaaa").size() == 1);
  CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").empty());
}

TEST_CASE("an allocation whose SSRC an endpoint uses is tried again") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb");
  bridge::Allocated answer = shard.allocated("bbbbbbbb");
  answer.audio_ssrc = 100;

  shard.focus.on_event(answer, shard.now);

  CHECK(shard.rooms.to("bbbbbbbb", "session-initiate").empty());
  shard.wait(seconds(1));
  CHECK(shard.link.all<bridge::Allocate>("bbbbbbbb").size() == 2);
}

// ---- the invitation

TEST_CASE("a session-initiate that nobody answers is sent again, three times in all") {
  Shard shard;
  shard.join("aaaaaaaa");
  std::string sid;
  for (int i = 1; i <= 3; ++i) {
    shard.allocate("aaaaaaaa");
    CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").size() == static_cast<std::size_t>(i));
    CHECK(shard.sid("aaaaaaaa") != sid);
    sid = shard.sid("aaaaaaaa");
    shard.wait(milliseconds(14900));
    CHECK(shard.phase("aaaaaaaa") == Phase::invited);
    shard.wait(milliseconds(100));
    CHECK(shard.rooms.last_to("aaaaaaaa", "session-terminate")->payload.attribute_or("sid", "") == sid);
    shard.wait(seconds(2));
  }
  CHECK(shard.phase("aaaaaaaa") == Phase::ended);
  CHECK(shard.link.all<bridge::Expire>("aaaaaaaa").size() == 3);
  shard.wait(seconds(120));
  CHECK(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 3);
}

TEST_CASE("a session-initiate that the client refuses is sent again") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");

  shard.answer_initiate("aaaaaaaa", false);
  CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
  CHECK(!shard.focus.channel_check(shard.conference(), "aaaaaaaa", "secret-of-aaaaaaaa"));
  shard.wait(seconds(1));
  shard.allocate("aaaaaaaa");

  CHECK(shard.rooms.to("aaaaaaaa", "session-initiate").size() == 2);
}

TEST_CASE("a client that acknowledges and never accepts is invited again after a minute") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  shard.answer_initiate("aaaaaaaa");

  shard.wait(seconds(59));
  CHECK(shard.phase("aaaaaaaa") == Phase::invited);
  shard.wait(seconds(1));
  CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
}

TEST_CASE("an occupant who is gone before its session-initiate is let go") {
  Shard shard;
  shard.enter("bbbbbbbb", 200);
  shard.join("aaaaaaaa");
  std::erase_if(shard.rooms.inside, [](const auto& o) { return o.nick == "aaaaaaaa"; });

  shard.allocate("aaaaaaaa");

  CHECK(shard.phase("aaaaaaaa") == Phase::ended);
  CHECK(shard.link.all<bridge::Expire>("aaaaaaaa").size() == 1);
}

TEST_CASE("an answer to something else does not count as the session-initiate's") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");

  shard.focus.focus_iq_answered(kRoom, "aaaaaaaa", "other", false, Element("iq", "jabber:client"), shard.now);
  shard.focus.focus_iq_answered(kRoom, "aaaaaaaa", "", true, Element("iq", "jabber:client"), shard.now);

  CHECK(shard.phase("aaaaaaaa") == Phase::invited);
  shard.wait(seconds(15));
  CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
}

// ---- the answer

TEST_CASE("a session-accept with an unusable transport is refused, and the session may still be accepted") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  const std::string sid = shard.sid("aaaaaaaa");

  shard.iq("aaaaaaaa", jingle_iq("session-accept", sid, ""));
  CHECK(shard.reply().error.condition == "bad-request");
  CHECK(!shard.reply().error.text.empty());
  CHECK(shard.link.all<bridge::SetTransport>("aaaaaaaa").empty());
  shard.accept("aaaaaaaa", 100);
  CHECK(shard.reply().result);
}

TEST_CASE("a session-accept is taken once") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  shard.accept("aaaaaaaa", 100);

  CHECK(shard.reply().error.condition == "unexpected-request");
  CHECK(shard.reply().error.application->name() == "out-of-order");
  CHECK(shard.link.all<bridge::SetTransport>("aaaaaaaa").size() == 1);
}

TEST_CASE("an SSRC of another endpoint is a bad request") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.join("bbbbbbbb");
  shard.allocate("bbbbbbbb");

  shard.accept("bbbbbbbb", 100);

  CHECK(shard.reply().error.condition == "bad-request");
  CHECK(has(shard.reply().error.text, "in use"));
  CHECK(shard.phase("bbbbbbbb") == Phase::invited);
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").empty());
}

TEST_CASE("too many SSRCs are a resource constraint") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  std::string sources;
  for (unsigned i = 0; i < 15; ++i) {
    const std::string n = std::to_string(i);
    sources += "<source name='aaaaaaaa-v" + std::to_string(i + 1) + "' ssrc='" + std::to_string(500 + i) +
               "' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><parameter name='msid' value='m" + n +
               "'/></source>";
  }

  shard.iq("aaaaaaaa", jingle_iq("source-add", shard.sid("aaaaaaaa"), in_content("video", sources)));

  CHECK(shard.reply().error.type == "wait");
  CHECK(shard.reply().error.condition == "resource-constraint");
}

TEST_CASE("a client without transport-cc is offered goog-remb in a second session") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");
  shard.answer_initiate("aaaaaaaa");
  const auto accept = [&] {
    shard.iq("aaaaaaaa", accept_iq("aaaaaaaa", shard.sid("aaaaaaaa"), audio_source("aaaaaaaa", 100),
                                   video_sources("aaaaaaaa", 100), "goog-remb"));
  };

  accept();
  CHECK(shard.reply().result);
  CHECK(shard.link.all<bridge::SetTransport>("aaaaaaaa").empty());
  shard.allocate("aaaaaaaa");
  CHECK(has(shard.rooms.last_to("aaaaaaaa", "session-initiate")->payload.serialize(), "goog-remb"));
  shard.answer_initiate("aaaaaaaa");
  accept();

  CHECK(shard.phase("aaaaaaaa") == Phase::accepted);
  CHECK(!shard.link.all<bridge::SetTransport>("aaaaaaaa").at(0).features.transport_cc);
}

// ---- requests that do not fit

TEST_CASE("an unknown sid is item-not-found with unknown-session") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  for (const std::string action : {"session-accept", "source-add", "source-remove", "session-terminate",
                                   "session-info", "transport-info"}) {
    shard.iq("aaaaaaaa", jingle_iq(action, "other", ""));
    CHECK(shard.reply().error.condition == "item-not-found");
    REQUIRE(shard.reply().error.application.has_value());
    CHECK(shard.reply().error.application->is("unknown-session", "urn:xmpp:jingle:errors:1"));
  }
  CHECK(shard.phase("aaaaaaaa") == Phase::accepted);
}

TEST_CASE("unknown actions are bad requests, known ones of others are not implemented") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string sid = shard.sid("aaaaaaaa");
  const auto condition = [&](const std::string& text) {
    shard.iq("aaaaaaaa", text);
    return shard.reply().error.condition;
  };

  CHECK(condition(jingle_iq("dance", sid, "")) == "bad-request");
  CHECK(condition(jingle_iq("source-add", "", "")) == "bad-request");
  CHECK(condition(jingle_iq("transport-replace", sid, "")) == "feature-not-implemented");
  CHECK(condition(jingle_iq("session-initiate", "new", "")) == "feature-not-implemented");
  CHECK(condition(jingle_iq("source-add", sid, "")) == "bad-request");
  CHECK(condition("<iq id='1' type='get' xmlns='jabber:client'><query "
                  "xmlns='http://jabber.org/protocol/disco#info'/></iq>") == "service-unavailable");
  CHECK(condition("<iq id='1' type='set' xmlns='jabber:client'/>") == "service-unavailable");
  CHECK(condition("<iq id='1' type='get' xmlns='jabber:client'><jingle xmlns='urn:xmpp:jingle:1' "
                  "action='session-info'/></iq>") == "bad-request");
}

TEST_CASE("requests to a conference that is not there are answered") {
  Shard shard;

  shard.iq("aaaaaaaa", jingle_iq("session-info", "s", ""));

  CHECK(shard.reply().error.condition == "item-not-found");
}

TEST_CASE("sources before the session-accept are out of order") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");

  shard.iq("aaaaaaaa",
           jingle_iq("source-add", shard.sid("aaaaaaaa"), in_content("audio", audio_source("aaaaaaaa", 5))));

  CHECK(shard.reply().error.condition == "unexpected-request");
}

TEST_CASE("shard rule 6: an ICE restart in place is not implemented, the state of ICE is taken note of") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string sid = shard.sid("aaaaaaaa");

  shard.iq("aaaaaaaa",
           jingle_iq("session-info", sid,
                     "<bridge-session xmlns='http://jitsi.org/protocol/focus' id='x' ice-restart='true'/>"));
  CHECK(shard.reply().error.condition == "feature-not-implemented");
  shard.iq("aaaaaaaa", jingle_iq("session-info", sid,
                                 "<ice-state xmlns='http://jitsi.org/protocol/focus'>failed</ice-state>"));
  CHECK(shard.reply().result);
  shard.iq("aaaaaaaa", jingle_iq("session-info", sid, ""));
  CHECK(shard.reply().result);
  shard.iq("aaaaaaaa", jingle_iq("session-info", sid, "<hold xmlns='urn:xmpp:jingle:apps:rtp:info:1'/>"));
  CHECK(shard.reply().error.application->name() == "unsupported-info");
  shard.iq("aaaaaaaa", jingle_iq("transport-info", sid, "<content name='audio'/>"));
  CHECK(shard.reply().result);
}

// ---- restart

TEST_CASE("a client that asks for a restart gets a new session after the result") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);
  const std::string old_sid = shard.sid("bbbbbbbb");
  shard.journal.clear();

  shard.iq("bbbbbbbb", restart_request(old_sid));
  CHECK(shard.reply().result);
  CHECK(shard.rooms.to("aaaaaaaa", "source-remove").size() == 1);
  shard.allocate("bbbbbbbb");
  shard.answer_initiate("bbbbbbbb");
  shard.accept("bbbbbbbb", 200);

  CHECK(shard.reply().result);
  CHECK(shard.sid("bbbbbbbb") != old_sid);
  CHECK(shard.rooms.to("aaaaaaaa", "source-add").size() == 2);
  CHECK(shard.rooms.to("bbbbbbbb", "session-terminate").empty());
  CHECK(shard.journal == Journal{"result bbbbbbbb", "bridge Expire bbbbbbbb", "iq aaaaaaaa source-remove",
                                 "bridge Allocate bbbbbbbb", "iq bbbbbbbb session-initiate",
                                 "result bbbbbbbb", "bridge SetTransport bbbbbbbb",
                                 "bridge SetSources bbbbbbbb", "iq aaaaaaaa source-add"});
}

TEST_CASE("a restart of another bridge session is refused") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);

  shard.iq("aaaaaaaa", restart_request(shard.sid("aaaaaaaa"), "wrong"));
  CHECK(shard.reply().error.condition == "item-not-found");
  CHECK(shard.phase("aaaaaaaa") == Phase::accepted);

  const Element& initiate = shard.rooms.last_to("aaaaaaaa", "session-initiate")->payload;
  const std::string id(initiate.child("bridge-session")->attribute_or("id", ""));
  shard.iq("aaaaaaaa", restart_request(shard.sid("aaaaaaaa"), id));
  CHECK(shard.reply().result);
  CHECK(shard.phase("aaaaaaaa") == Phase::allocating);
}

TEST_CASE("restarts are spaced, and the sixth within a minute is refused") {
  Shard shard;
  shard.join("aaaaaaaa");
  shard.allocate("aaaaaaaa");

  shard.iq("aaaaaaaa", restart_request(shard.sid("aaaaaaaa")));
  CHECK(shard.phase("aaaaaaaa") == Phase::allocating);
  shard.allocate("aaaaaaaa");
  for (int i = 0; i < 4; ++i) {
    shard.iq("aaaaaaaa", restart_request(shard.sid("aaaaaaaa")));
    CHECK(shard.reply().result);
    CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
    shard.wait(seconds(5));
    shard.allocate("aaaaaaaa");
  }
  shard.iq("aaaaaaaa", restart_request(shard.sid("aaaaaaaa")));

  CHECK(shard.reply().error.type == "wait");
  CHECK(shard.reply().error.condition == "resource-constraint");
  CHECK(shard.phase("aaaaaaaa") == Phase::ended);
}

TEST_CASE("a session-terminate without restart ends the media, not the membership") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  shard.enter("bbbbbbbb", 200);

  shard.iq("bbbbbbbb", jingle_iq("session-terminate", shard.sid("bbbbbbbb"), "<reason><success/></reason>"));

  CHECK(shard.reply().result);
  CHECK(shard.phase("bbbbbbbb") == Phase::ended);
  CHECK(shard.rooms.to("aaaaaaaa", "source-remove").size() == 1);
  CHECK(shard.link.all<bridge::Expire>("bbbbbbbb").size() == 1);
  CHECK(shard.focus.participants() == 2);
}

TEST_CASE("the bridge wants a restart: terminate, expire, allocate, initiate with a new sid") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const std::string old_sid = shard.sid("aaaaaaaa");
  shard.journal.clear();

  shard.focus.on_event(bridge::RestartWanted{shard.conference(), "aaaaaaaa", "moved"}, shard.now);
  shard.allocate("aaaaaaaa");

  CHECK(shard.rooms.last_to("aaaaaaaa", "session-terminate")->payload.attribute_or("sid", "") == old_sid);
  CHECK(shard.sid("aaaaaaaa") != old_sid);
  CHECK(shard.journal == Journal{"iq aaaaaaaa session-terminate", "bridge Expire aaaaaaaa",
                                 "bridge Allocate aaaaaaaa", "iq aaaaaaaa session-initiate"});
}

TEST_CASE("failed media starts again, no faster than the limit, and never gives up") {
  Shard shard;
  shard.enter("aaaaaaaa", 100);
  const auto fails = [&] {
    shard.focus.on_event(
        bridge::EndpointChanged{shard.conference(), "aaaaaaaa", bridge::EndpointState::failed, "no consent"},
        shard.now);
  };

  fails();
  CHECK(shard.phase("aaaaaaaa") == Phase::allocating);
  fails();  // of the endpoint that is gone
  CHECK(shard.link.all<bridge::Allocate>("aaaaaaaa").size() == 2);
  for (int i = 0; i < 4; ++i) {
    shard.allocate("aaaaaaaa");
    fails();
    CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
    shard.wait(seconds(5));
    CHECK(shard.phase("aaaaaaaa") == Phase::allocating);
  }
  shard.allocate("aaaaaaaa");
  fails();
  shard.wait(seconds(39));
  CHECK(shard.phase("aaaaaaaa") == Phase::waiting);
  shard.wait(seconds(1));
  CHECK(shard.phase("aaaaaaaa") == Phase::allocating);
}

// ---- mute

TEST_CASE("a moderator mutes somebody") {
  Shard shard;
  shard.enter("aaaaaaaa", 100, true);
  shard.enter("bbbbbbbb", 200);

  for (const std::string media : {"audio", "video", "desktop"}) {
    shard.iq("aaaaaaaa",
             "<iq id='m' type='set' xmlns='jabber:client'><mute xmlns='http://jitsi.org/jitmeet/" + media +
                 "' jid='" + kRoom + "/bbbbbbbb'>true</mute></iq>");
    CHECK(shard.reply().result);
    const auto& sent = shard.rooms.sent.back();
    CHECK(sent.nick == "bbbbbbbb");
    CHECK(sent.payload.is("mute", "http://jitsi.org/jitmeet/" + media));
    CHECK(sent.payload.attribute_or("actor", "") == kRoom + "/aaaaaaaa");
    CHECK(sent.payload.text() == "true");
  }
}

TEST_CASE("others do not mute, nobody unmutes, and the target must be there") {
  Shard shard;
  shard.enter("aaaaaaaa", 100, true);
  shard.enter("bbbbbbbb", 200);
  const auto condition = [&](const std::string& nick, const std::string& jid, const std::string& text) {
    shard.iq(
        nick,
        "<iq id='m' type='set' xmlns='jabber:client'><mute xmlns='http://jitsi.org/jitmeet/audio' jid='" +
            jid + "'>" + text + "</mute></iq>");
    return shard.reply().error.condition;
  };

  CHECK(condition("bbbbbbbb", kRoom + "/aaaaaaaa", "true") == "forbidden");
  CHECK(condition("aaaaaaaa", kRoom + "/bbbbbbbb", "false") == "bad-request");
  CHECK(condition("aaaaaaaa", "beta@conference.meet.jitsi/bbbbbbbb", "true") == "bad-request");
  CHECK(condition("aaaaaaaa", kRoom + "/cccccccc", "true") == "item-not-found");
}
