// A bound client: its address, its socket (if it has one now), what it has not acknowledged, its rooms. Owned
// by Server; MUC occupants point at it, and leave their rooms before it goes. Signalling thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/rate_limit.hpp"
#include "sfu/xmpp/stream_management.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

struct Session {
  std::uint64_t id = 0;
  std::string bare_jid;
  std::string full_jid;
  ConnectionInfo info;  // of the newest connection
  std::optional<ConnectionId> connection;
  StreamManagement management;
  bool media_alive = false;
  TimePoint dropped_at;            // when `connection` was lost, or last heard of
  bool failed = false;             // to be ended as soon as nobody iterates over rooms
  bool touched = false;            // was sent something since the server last settled
  std::vector<std::string> rooms;  // bare JIDs
  TokenBucket stanzas;
  TokenBucket bytes;
  TokenBucket new_rooms;
};

// What the MUC needs of its server.
class Outbox {
 public:
  virtual ~Outbox() = default;
  // One stanza, `to` included. Never ends the session before it returned.
  virtual void deliver(Session& session, std::string stanza) = 0;
};

}  // namespace roomgate::sfu::xmpp
