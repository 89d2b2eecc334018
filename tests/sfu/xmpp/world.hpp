// A server with fake sockets, a fake focus and a hand-moved clock, and clients that speak text to it.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sfu/xmpp/namespaces.hpp"
#include "sfu/xmpp/parser.hpp"
#include "sfu/xmpp/server.hpp"

namespace roomgate::sfu::xmpp::test {

class Sockets final : public Connections {
 public:
  void send(ConnectionId id, std::string message) override {
    // What browsers would refuse must never leave.
    CHECK_MESSAGE(parse_stanza(message, {.bytes = 16 * 1024 * 1024, .attributes = 1024}).ok(), message);
    sent[id].push_back(std::move(message));
  }
  void close(ConnectionId id, std::uint16_t code) override { codes[id] = code; }

  std::map<ConnectionId, std::vector<std::string>> sent;
  std::map<ConnectionId, std::uint16_t> codes;
};

// Writes down what it is told; answers IQs at once.
class Focus final : public RoomListener {
 public:
  bool conference_requested(const std::string& room, TimePoint) override {
    log.push_back("requested " + room);
    if (ready && service != nullptr) {
      Element properties("conference-properties", ns::kFocus);
      properties.add(
          Element("property", ns::kFocus).set("key", "support-session-restart").set("value", "true"));
      service->set_focus_presence(room, {properties});
    }
    return ready;
  }
  void room_ended(const std::string& room, TimePoint) override { log.push_back("ended " + room); }
  void occupant_joined(const std::string&, const OccupantInfo& who, const Element&, TimePoint) override {
    log.push_back("joined " + who.nick + (who.moderator ? " moderator" : ""));
    last = who;
  }
  void occupant_presence(const std::string&, const OccupantInfo& who, const Element&, TimePoint) override {
    log.push_back("presence " + who.nick + (who.moderator ? " moderator" : ""));
  }
  void occupant_left(const std::string& room, const std::string& nick, LeaveReason reason,
                     TimePoint) override {
    static const char* const kNames[] = {"left", "kicked", "connection_lost", "room_destroyed"};
    log.push_back("left " + nick + " " + kNames[static_cast<int>(reason)]);
    if (!source_remove_on_leave) return;
    for (const OccupantInfo& other : service->occupants(room)) {
      service->send_focus_iq(room, other.nick,
                             Element("jingle", "urn:xmpp:jingle:1").set("action", "source-remove"));
    }
  }
  void focus_iq(const std::string& room, const std::string& nick, const Element& iq, TimePoint) override {
    log.push_back("iq " + nick);
    if (iq.child("unknown") != nullptr) {
      service->reply_error(
          room, nick, iq,
          {"cancel", "item-not-found", "", Element("unknown-session", "urn:xmpp:jingle:errors:1")});
    } else {
      service->reply_result(room, nick, iq);
    }
  }
  void focus_iq_answered(const std::string&, const std::string& nick, const std::string& id, bool result,
                         const Element&, TimePoint) override {
    log.push_back("answered " + nick + " " + id + (result ? " result" : " error"));
  }

  bool ready = true;
  bool source_remove_on_leave = false;
  RoomService* service = nullptr;
  std::vector<std::string> log;
  OccupantInfo last;
};

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != text.npos; }

struct World {
  explicit World(Config c = {}) : server(ready(std::move(c)), sockets) {
    focus.service = &server;
    server.set_listener(focus);
  }

  static Config ready(Config config) {
    config.shard = "shard-0";
    config.region = "lab";
    config.unix_milliseconds = [] { return std::int64_t{1795374219414}; };
    return config;
  }

  // The messages of a socket since the last look.
  std::vector<std::string> take(ConnectionId id) { return std::exchange(sockets.sent[id], {}); }
  std::vector<std::string> log() { return std::exchange(focus.log, {}); }

  TimePoint now{std::chrono::hours(1)};
  Sockets sockets;
  Focus focus;
  Server server;
  ConnectionId next_id = 1;
};

const std::string kOpen =
    "<open to=\"meet.jitsi\" version=\"1.0\" xmlns=\"urn:ietf:params:xml:ns:xmpp-framing\"/>";
const std::string kAuth = "<auth mechanism=\"ANONYMOUS\" xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>";
const std::string kBindIq =
    "<iq id=\"_bind_auth_2\" type=\"set\" xmlns=\"jabber:client\"><bind "
    "xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/></iq>";
const std::string kRoom = "alpha@conference.meet.jitsi";

class Client {
 public:
  explicit Client(World& world) : world_(world) {
    connect();
    say(kBindIq);
    const auto answer = parse_stanza(raw().back());
    REQUIRE(answer.ok());
    jid = answer->child("bind", ns::kBind)->child("jid", ns::kBind)->text();
    nick = jid.substr(0, 8);
    world_.take(id);
  }

  // A new socket, as far as bind or resume.
  void connect() {
    id = world_.next_id++;
    world_.server.connected(id, {.channel_base = "wss://example.org", .region = "lab", .remote = "192.0.2.1"},
                            world_.now);
    say(kOpen);
    say(kAuth);
    say(kOpen);
  }
  void say(std::string_view text) { world_.server.received(id, text, world_.now); }
  void drop() { world_.server.closed(id, world_.now); }
  const std::vector<std::string>& raw() { return world_.sockets.sent[id]; }
  std::vector<std::string> take() { return world_.take(id); }
  // The first message since the last look that has all these parts; everything looked at is gone.
  std::string expect(std::initializer_list<std::string_view> parts) {
    const auto messages = take();
    for (const std::string& message : messages) {
      bool all = true;
      for (std::string_view part : parts) all = all && contains(message, part);
      if (all) return message;
    }
    std::string seen;
    for (const std::string& message : messages) seen += message + "\n";
    FAIL_CHECK("expected " << *parts.begin() << " in:\n" << seen);
    return {};
  }
  bool closed() const { return world_.sockets.codes.contains(id); }

  void request_conference(const std::string& room = kRoom) {
    say("<iq id='c1' to='focus.meet.jitsi' type='set' xmlns='jabber:client'><conference "
        "xmlns='http://jitsi.org/protocol/focus' room='" +
        room + "' machine-uid='721c5c85'><property name='visitors-version' value='1'/></conference></iq>");
  }
  void join(const std::string& inside = "", const std::string& room = kRoom) {
    request_conference(room);
    say("<presence to='" + room + "/" + nick +
        "' xmlns='jabber:client'><x xmlns='http://jabber.org/protocol/muc'>" + inside +
        "</x><stats-id>Jean-bdJ</stats-id><c hash='sha-1' node='https://jitsi.org/jitsi-meet' ver='dtzK=' "
        "xmlns='http://jabber.org/protocol/caps'/><SourceInfo>{}</SourceInfo><nick "
        "xmlns='http://jabber.org/protocol/nick'>guest</nick></presence>");
  }
  void leave() {
    say("<presence to='" + kRoom + "/" + nick + "' type='unavailable' xmlns='jabber:client'/>");
  }
  std::string iq(const std::string& type, const std::string& to, const std::string& child) {
    take();
    say("<iq id='q1' type='" + type + "' to='" + to + "' xmlns='jabber:client'>" + child + "</iq>");
    return expect({"id='q1'", "<iq "});
  }
  // Turns XEP-0198 on; returns the resumption id.
  std::string enable_management() {
    take();
    say("<enable resume='true' xmlns='urn:xmpp:sm:3'/>");
    const auto enabled = parse_stanza(expect({"<enabled"}));
    return std::string(enabled->attribute_or("id", ""));
  }

  ConnectionId id = 0;
  std::string jid;
  std::string nick;

 private:
  World& world_;
};

}  // namespace roomgate::sfu::xmpp::test
