// Three clients and a focus; each line of the input is a message of the client its first digit names, or "N-"
// for a lost socket, "N+" for a new one, "." for a second later. Whatever is said, all that leaves is one
// element a message, and the counts of rooms and participants agree.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "sfu/xmpp/parser.hpp"
#include "sfu/xmpp/server.hpp"

using namespace roomgate;
using namespace roomgate::sfu::xmpp;

namespace {

class Sockets final : public Connections {
 public:
  void send(ConnectionId, std::string message) override {
    const ParseLimits wide{
        .bytes = 64 * 1024 * 1024, .attributes = 4096, .namespace_bytes = 64 * 1024 * 1024};
    if (!parse_stanza(message, wide)) std::abort();
  }
  void close(ConnectionId, std::uint16_t) override {}
};

class Focus final : public RoomListener {
 public:
  bool conference_requested(const std::string&, TimePoint) override { return true; }
  void room_ended(const std::string&, TimePoint) override {}
  void occupant_joined(const std::string& room, const OccupantInfo& who, const Element&, TimePoint) override {
    service->send_focus_iq(room, who.nick, Element("jingle", "urn:xmpp:jingle:1"));
  }
  void occupant_presence(const std::string& room, const OccupantInfo&, const Element& presence,
                         TimePoint) override {
    service->set_focus_presence(room, {presence});
  }
  void occupant_left(const std::string& room, const std::string&, LeaveReason, TimePoint) override {
    for (const OccupantInfo& other : service->occupants(room)) {
      service->send_focus_iq(room, other.nick, Element("jingle", "urn:xmpp:jingle:1"));
    }
  }
  void focus_iq(const std::string& room, const std::string& nick, const Element& iq, TimePoint) override {
    service->reply_result(room, nick, iq, iq);
  }
  void focus_iq_answered(const std::string&, const std::string&, const std::string&, bool, const Element&,
                         TimePoint) override {}

  RoomService* service = nullptr;
};

const std::array<std::string_view, 5> kLogin = {
    "<open to='meet.jitsi' xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    "<auth mechanism='ANONYMOUS' xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    "<open to='meet.jitsi' xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
    "<iq id='b' type='set' xmlns='jabber:client'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
    "<enable resume='true' xmlns='urn:xmpp:sm:3'/>",
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  TimePoint now{std::chrono::hours(1)};
  Config config;
  config.shard = "s";
  config.unix_milliseconds = [] { return std::int64_t{1000000000000}; };
  config.limits.unacked.stanzas = 40;
  config.limits.occupants_per_room = 2;
  Sockets sockets;
  Focus focus;
  Server server(config, sockets);
  focus.service = &server;
  server.set_listener(focus);

  std::array<ConnectionId, 3> ids{};
  ConnectionId next = 1;
  const auto connect = [&](std::size_t who) {
    ids[who] = next++;
    server.connected(ids[who], {}, now);
    for (std::string_view each : kLogin) server.received(ids[who], each, now);
  };
  for (std::size_t who = 0; who < ids.size(); ++who) connect(who);

  std::string_view input(reinterpret_cast<const char*>(data), size);
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (line == ".") {
      now += seconds(1);
      server.tick(now);
    }
    if (line.size() < 2 || line[0] < '1' || line[0] > '3') continue;
    const auto who = static_cast<std::size_t>(line[0] - '1');
    if (line[1] == '-') {
      server.closed(ids[who], now);
    } else if (line[1] == '+') {
      connect(who);
    } else {
      server.received(ids[who], line.substr(1), now);
    }
    std::size_t participants = 0;
    for (const RoomCensus& room : server.rooms()) participants += room.participants;
    if (participants != server.participant_count() || server.rooms().size() != server.room_count())
      std::abort();
  }

  server.shut_down(now);
  if (server.session_count() != 0 || server.participant_count() != 0 || server.room_count() != 0)
    std::abort();
  return 0;
}
