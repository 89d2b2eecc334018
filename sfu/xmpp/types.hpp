// What the XMPP server is told at its start, what it counts, and how it reaches its sockets. Signalling
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/rate_limit.hpp"
#include "sfu/xmpp/parser.hpp"
#include "sfu/xmpp/stream_management.hpp"

namespace roomgate::sfu::xmpp {

using ConnectionId = std::uint64_t;

// What web/ knows of a WebSocket when it opens.
struct ConnectionInfo {
  std::string room;          // ?room=, for logs only: the room that counts is in the stanzas
  std::string previd;        // ?previd=, likewise: <resume/> says it again
  std::string channel_base;  // "wss://host:port" as this client reached us
  std::string region;        // X-Proxy-Region
  std::string remote;        // the client's address, for logs
};

// Implemented by web/. Neither call may come back into the server before it returned.
class Connections {
 public:
  virtual ~Connections() = default;
  virtual void send(ConnectionId id, std::string message) = 0;
  // After what was sent before it. No closed() follows for this id, or one does: both are fine.
  virtual void close(ConnectionId id, std::uint16_t code) = 0;
};

struct Domains {
  std::string domain = "meet.jitsi";
  std::string muc = "conference.meet.jitsi";
  std::string focus = "focus.meet.jitsi";
  std::string focus_user = "focus@auth.meet.jitsi";

  // The MUC service, or a tenant's: conference.TENANT.meet.jitsi (jitsi-signalling 4.1).
  bool is_room_service(std::string_view name) const { return tenant_of(name).has_value(); }
  // The tenant whose room service that is, "" of the service of all; nullopt: it is none.
  std::optional<std::string_view> tenant_of(std::string_view name) const;
  std::string focus_full_jid() const { return focus_user + "/focus"; }
};

struct Turn {
  std::vector<std::string> uris;  // "turns:turn.example.net:443?transport=tcp", RFC 7065; "stun:host:port"
  std::string secret;             // shared with the TURN server
  std::chrono::seconds ttl{86400};
};

struct Limits {
  ParseLimits parse;
  std::size_t presence_bytes = 32 * 1024;  // kept per occupant and sent to everybody
  std::size_t message_bytes = 64 * 1024;
  std::size_t connections = 12000;
  std::size_t sessions = 10000;
  std::size_t rooms = 5000;
  std::size_t participants = 5000;
  std::size_t occupants_per_room = 500;
  std::size_t rooms_per_session = 4;
  std::size_t nick_bytes = 64;
  std::size_t password_bytes = 256;
  std::size_t bans_per_room = 256;
  std::size_t admin_items = 32;             // in one muc#admin set
  std::size_t relayed_iqs_per_room = 1024;  // waiting for their answer
  std::size_t request_bytes = 64 * 1024;    // body of an HTTP conference request
  double stanzas_per_second = 100;          // of one session; beyond the burst its stream ends
  double stanza_burst = 1500;               // a result for every source-add of a full room
  double bytes_per_second = 256 * 1024;
  double byte_burst = 4 * 1024 * 1024;
  double new_rooms_per_second = 0.1;  // of one session
  double new_room_burst = 5;
  // Of one address, over HTTP and XMPP together: what is asked for and stays empty goes after `empty_room`,
  // so that a single address cannot fill the shard.
  KeyedBuckets::Limits new_rooms_by_address{.per_second = 2, .burst = 200, .keys = 20'000};
  StreamManagementLimits unacked;
  seconds login{20};            // from the socket to bind
  seconds kept_with_media{60};  // a dropped session waits this long for <resume/> (shard.md 15)
  seconds kept_without_media{15};
  seconds empty_room{60};  // requested, and nobody came
  seconds relayed_iq{30};
};

struct Config {
  Domains domains;
  std::string shard;   // its name, as in X-Jitsi-Shard
  std::string region;  // may be empty
  Turn turn;
  bool stream_management = true;
  Limits limits;
  // Milliseconds since 1970 for created_timestamp and TURN credentials: wall time, which TimePoint is not.
  std::function<std::int64_t()> unix_milliseconds;
};

struct Counters {
  std::uint64_t connections = 0;
  std::uint64_t sessions = 0;
  std::uint64_t stanzas_in = 0;
  std::uint64_t stanzas_out = 0;
  std::uint64_t ill_formed = 0;     // messages that were no acceptable XML
  std::uint64_t stream_errors = 0;  // streams that we ended, ill-formed ones included
  std::uint64_t rate_limited = 0;
  std::uint64_t queue_overflows = 0;  // sessions ended because too much was unacknowledged
  std::uint64_t resumed = 0;
  std::uint64_t resume_failed = 0;
  std::uint64_t expired = 0;  // dropped sessions that nobody resumed
  std::uint64_t rooms_created = 0;
  std::uint64_t joins = 0;
  std::uint64_t joins_refused = 0;
  std::uint64_t conference_requests = 0;
  std::uint64_t conference_requests_refused = 0;
};

struct RoomCensus {
  std::string room;    // bare JID
  std::string tenant;  // whose room service it is in; empty: that of all
  std::size_t participants = 0;
  std::int64_t created = 0;  // milliseconds since 1970
};

}  // namespace roomgate::sfu::xmpp
