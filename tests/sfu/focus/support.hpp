// A shard without its neighbours: the room service, the link and the channel sockets are lists of what they
// were told.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/metrics.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/focus/focus.hpp"
#include "sfu/focus/jingle_answer.hpp"
#include "sfu/xmpp/parser.hpp"

namespace roomgate::sfu::focus::test {

using xmpp::Element;

inline const std::string kRoom = "alpha@conference.meet.jitsi";

inline Element xml(const std::string& text) {
  auto parsed = xmpp::parse_stanza(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return std::move(parsed).value();
}

// What happened, in order, over all fakes: "iq b session-initiate", "result a 7", "error a 7", "bridge
// Allocate a".
using Journal = std::vector<std::string>;

struct FakeRooms final : xmpp::RoomService {
  struct Sent {
    std::string nick;
    std::string id;
    Element payload;
  };
  struct Reply {
    std::string nick;
    std::string id;
    bool result = true;
    xmpp::StanzaError error;
  };

  explicit FakeRooms(Journal& all) : journal(all) {}

  std::string send_focus_iq(const std::string& room, const std::string& nick, Element payload) override {
    CHECK(room == kRoom);
    if (std::none_of(inside.begin(), inside.end(), [&](const auto& o) { return o.nick == nick; })) return "";
    sent.push_back({nick, "f" + std::to_string(sent.size()), std::move(payload)});
    const Element& last = sent.back().payload;
    journal.push_back("iq " + nick + " " + std::string(last.attribute_or("action", last.name())));
    return sent.back().id;
  }
  std::string ask_as_focus(const std::string& room, const std::string& nick, Element payload) override {
    CHECK(room == kRoom);
    questions.push_back({nick, "q" + std::to_string(questions.size()), std::move(payload)});
    journal.push_back("ask " + nick);
    return questions.back().id;
  }
  void reply_result(const std::string&, const std::string& nick, const Element& request,
                    std::optional<Element>) override {
    replies.push_back({nick, std::string(request.attribute_or("id", "")), true, {}});
    journal.push_back("result " + nick);
  }
  void reply_error(const std::string&, const std::string& nick, const Element& request,
                   xmpp::StanzaError error) override {
    journal.push_back("error " + nick + " " + error.condition);
    replies.push_back({nick, std::string(request.attribute_or("id", "")), false, std::move(error)});
  }
  void set_focus_presence(const std::string&, std::vector<Element> payload) override {
    presence = std::move(payload);
  }
  std::vector<xmpp::OccupantInfo> occupants(const std::string&) const override { return inside; }

  // The Jingle elements sent to `nick` with this action.
  std::vector<const Element*> to(const std::string& nick, const std::string& action) const {
    std::vector<const Element*> out;
    for (const Sent& iq : sent) {
      if (iq.nick == nick && iq.payload.attribute_or("action", "") == action) out.push_back(&iq.payload);
    }
    return out;
  }
  const Sent* last_to(const std::string& nick, const std::string& action) const {
    for (auto iq = sent.rbegin(); iq != sent.rend(); ++iq) {
      if (iq->nick == nick && iq->payload.attribute_or("action", "") == action) return &*iq;
    }
    return nullptr;
  }

  Journal& journal;
  std::vector<Sent> sent;
  std::vector<Sent> questions;
  std::vector<Reply> replies;
  std::vector<Element> presence;
  std::vector<xmpp::OccupantInfo> inside;
};

struct FakeLink final : bridge::Link {
  explicit FakeLink(Journal& all) : journal(all) {}

  void send(bridge::Command command) override {
    std::visit(
        [this](const auto& c) {
          using C = std::remove_cvref_t<decltype(c)>;
          const char* name = std::is_same_v<C, bridge::Allocate>        ? "Allocate "
                             : std::is_same_v<C, bridge::SetTransport>  ? "SetTransport "
                             : std::is_same_v<C, bridge::SetSources>    ? "SetSources "
                             : std::is_same_v<C, bridge::Expire>        ? "Expire "
                             : std::is_same_v<C, bridge::ChannelOpened> ? "ChannelOpened "
                             : std::is_same_v<C, bridge::ChannelClosed> ? "ChannelClosed "
                                                                        : "ChannelFrame ";
          journal.push_back(std::string("bridge ") + name + c.endpoint);
        },
        command);
    commands.push_back(std::move(command));
  }

  template <class C>
  std::vector<C> all(const std::string& endpoint) const {
    std::vector<C> out;
    for (const bridge::Command& command : commands) {
      if (const C* c = std::get_if<C>(&command); c != nullptr && c->endpoint == endpoint) out.push_back(*c);
    }
    return out;
  }

  Journal& journal;
  std::vector<bridge::Command> commands;
};

struct FakeSink final : ChannelSink {
  void send(const std::string&, const std::string& endpoint, std::string text) override {
    frames.emplace_back(endpoint, std::move(text));
  }
  void close(const std::string&, const std::string& endpoint, std::uint16_t code) override {
    closed.emplace_back(endpoint, code);
  }
  std::vector<std::pair<std::string, std::string>> frames;
  std::vector<std::pair<std::string, std::uint16_t>> closed;
};

inline const std::string kPrint =
    "43:4B:72:9E:01:23:45:67:89:AB:CD:EF:43:4B:72:9E:01:23:45:67:89:AB:CD:EF:43:4B:72:9E:01:23:45:67";

// The audio content's source and the video content's six of a Chromium with simulcast: SSRCs base, then
// base+10 up.
inline std::string audio_source(const std::string& nick, unsigned base) {
  return "<source name='" + nick + "-a0' ssrc='" + std::to_string(base) +
         "' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><parameter name='msid' value='" + nick +
         "-audio-0-1 e9b3ebba-1'/></source>";
}
inline std::string video_sources(const std::string& nick, unsigned base) {
  const auto number = [base](unsigned i) { return std::to_string(base + i); };
  const auto group = [&](const std::string& kind, std::vector<unsigned> members) {
    std::string out = "<ssrc-group semantics='" + kind + "' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'>";
    for (const unsigned i : members) out += "<source ssrc='" + number(i) + "'/>";
    return out + "</ssrc-group>";
  };
  std::string out;
  for (unsigned i = 10; i < 16; ++i) {
    out += "<source name='" + nick + "-v0' ssrc='" + number(i) +
           "' videoType='camera' xmlns='urn:xmpp:jingle:apps:rtp:ssma:0'><parameter name='msid' value='" +
           nick + "-video-0-1 befc3dec-1'/></source>";
  }
  // As the browser lists them: A's RTX is the second, B's and C's come last.
  return out + group("FID", {10, 11}) + group("SIM", {10, 12, 13}) + group("FID", {12, 14}) +
         group("FID", {13, 15});
}

// The shape of jitsi-signalling 5.5, with the `data` content in the group and the rtcp-fb of the answer.
inline std::string accept_iq(const std::string& nick, const std::string& sid, const std::string& audio,
                             const std::string& video, const std::string& feedback = "transport-cc",
                             const std::string& id = "accept") {
  const std::string transport =
      "<transport pwd='PJ0ahJY7WrYLHlviGTPCS0vf' ufrag='u/Cw' xmlns='urn:xmpp:jingle:transports:ice-udp:1'>"
      "<fingerprint hash='sha-256' setup='active' xmlns='urn:xmpp:jingle:apps:dtls:0'>" +
      kPrint + "</fingerprint></transport>";
  const auto fb = [](const std::string& type) {
    return "<rtcp-fb type='" + type + "' xmlns='urn:xmpp:jingle:apps:rtp:rtcp-fb:0'/>";
  };
  return "<iq id='" + id + "' to='" + kRoom +
         "/focus' type='set' xmlns='jabber:client'><jingle action='session-accept' initiator='" + kRoom +
         "/focus' responder='" + nick + "-u@meet.jitsi/r' sid='" + sid + "' xmlns='urn:xmpp:jingle:1'>" +
         "<group semantics='BUNDLE' xmlns='urn:xmpp:jingle:apps:grouping:0'><content name='audio'/><content "
         "name='video'/>"
         "<content name='data'/></group>"
         "<content creator='responder' name='audio' senders='both'><description media='audio' "
         "xmlns='urn:xmpp:jingle:apps:rtp:1'>"
         "<payload-type channels='2' clockrate='48000' id='111' name='opus'><parameter name='minptime' "
         "value='10'/></payload-type>" +
         audio +
         "<rtcp-mux/><rtp-hdrext id='1' uri='urn:ietf:params:rtp-hdrext:ssrc-audio-level' "
         "xmlns='urn:xmpp:jingle:apps:rtp:rtp-hdrext:0'/></description>" +
         transport +
         "</content><content creator='responder' name='video' senders='both'>"
         "<description media='video' xmlns='urn:xmpp:jingle:apps:rtp:1'><payload-type clockrate='90000' "
         "id='41' name='AV1'>" +
         fb(feedback) + fb("nack") + "</payload-type>" + video + "<rtcp-mux/></description>" + transport +
         "</content></jingle></iq>";
}

inline std::string jingle_iq(const std::string& action, const std::string& sid, const std::string& inside,
                             const std::string& id = "j1") {
  return "<iq id='" + id + "' type='set' xmlns='jabber:client'><jingle action='" + action + "' sid='" + sid +
         "' xmlns='urn:xmpp:jingle:1'>" + inside + "</jingle></iq>";
}

inline std::string in_content(const std::string& media, const std::string& sources) {
  return "<content creator='responder' name='" + media + "'><description media='" + media +
         "' xmlns='urn:xmpp:jingle:apps:rtp:1'>" + sources + "</description></content>";
}

struct Shard {
  explicit Shard(Config config = {})
      : rooms(journal), link(journal), focus(rooms, link, registry, std::move(config)) {
    focus.set_channel_sink(sink);
  }

  void wait(Duration time) {
    now += time;
    focus.tick(now);
  }

  void join(const std::string& nick, bool moderator = false,
            const std::string& presence = "<presence xmlns='jabber:client'/>") {
    if (rooms.inside.empty()) REQUIRE(focus.conference_requested(kRoom, now));
    rooms.inside.push_back({.nick = nick,
                            .full_jid = nick + "-u@meet.jitsi/r",
                            .moderator = moderator,
                            .channel_base = "wss://meet.example:8443",
                            .region = ""});
    focus.occupant_joined(kRoom, rooms.inside.back(), xml(presence), now);
  }
  void leave(const std::string& nick) {
    std::erase_if(rooms.inside, [&](const auto& o) { return o.nick == nick; });
    focus.occupant_left(kRoom, nick, xmpp::LeaveReason::left, now);
    if (rooms.inside.empty()) focus.room_ended(kRoom, now);
  }

  // The bridge's answer to the last Allocate of this endpoint.
  bridge::Allocated allocated(const std::string& nick) const {
    const auto asked = link.all<bridge::Allocate>(nick);
    REQUIRE(!asked.empty());
    return {.request = asked.back().request,
            .conference = asked.back().conference,
            .endpoint = nick,
            .ufrag = "34826dc4",
            .pwd = "58c0de8e330c394d3d7038e7",
            .fingerprint = {"sha-256", kPrint},
            .candidates = {{.ip = "192.0.2.10", .port = 10000, .priority = 2130706431, .foundation = "1"}},
            .channel_secret = "secret-of-" + nick,
            .bridge = "shard-0",
            .bridge_region = "lab",
            .audio_ssrc = 4000000002,
            .video_ssrc = 4000000001};
  }
  void allocate(const std::string& nick) { focus.on_event(allocated(nick), now); }

  void iq(const std::string& nick, const std::string& text) {
    const std::size_t before = rooms.replies.size();
    focus.focus_iq(kRoom, nick, xml(text), now);
    CHECK_MESSAGE(rooms.replies.size() == before + 1, "answered exactly once: " << text.substr(0, 200));
  }
  const FakeRooms::Reply& reply() const { return rooms.replies.back(); }

  std::string sid(const std::string& nick) const {
    const FakeRooms::Sent* sent = rooms.last_to(nick, "session-initiate");
    REQUIRE(sent != nullptr);
    return std::string(sent->payload.attribute_or("sid", ""));
  }
  void answer_initiate(const std::string& nick, bool result = true) {
    const FakeRooms::Sent* sent = rooms.last_to(nick, "session-initiate");
    REQUIRE(sent != nullptr);
    focus.focus_iq_answered(kRoom, nick, sent->id, result, Element("iq", "jabber:client"), now);
  }
  void accept(const std::string& nick, unsigned base) {
    iq(nick, accept_iq(nick, sid(nick), audio_source(nick, base), video_sources(nick, base)));
  }
  // From joining to accepted, with SSRCs from `base` on.
  void enter(const std::string& nick, unsigned base, bool moderator = false) {
    join(nick, moderator);
    allocate(nick);
    answer_initiate(nick);
    accept(nick, base);
    REQUIRE(reply().result);
  }

  Phase phase(const std::string& nick) const {
    const auto found = focus.conference(kRoom)->phase(nick);
    REQUIRE(found.has_value());
    return *found;
  }
  std::string conference() const { return focus.conference_id(kRoom); }

  static std::string sources(const Element& jingle) {
    const Element* message = jingle.child("json-message", "http://jitsi.org/jitmeet");
    return message == nullptr ? "" : message->text();
  }
  std::string last_sources(const std::string& nick, const std::string& action) const {
    const FakeRooms::Sent* sent = rooms.last_to(nick, action);
    REQUIRE(sent != nullptr);
    return sources(sent->payload);
  }

  Journal journal;
  FakeRooms rooms;
  FakeLink link;
  FakeSink sink;
  metrics::Registry registry;
  TimePoint now{seconds(1000)};
  Focus focus;
};

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace roomgate::sfu::focus::test
