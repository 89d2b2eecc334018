// The WebSockets of XMPP clients: between the HTTP server and xmpp::Server. Signalling thread; outlived by
// both.
#pragma once

#include <unordered_map>

#include "sfu/web/types.hpp"
#include "sfu/xmpp/server.hpp"

namespace roomgate::sfu::web {

class XmppSockets final : public xmpp::Connections {
 public:
  // The server is made after its Connections, so it comes later.
  void set_server(xmpp::Server& server) { server_ = &server; }

  // A handler for one client that just asked for a WebSocket.
  std::unique_ptr<SocketHandler> handler(xmpp::ConnectionInfo info);

  void send(xmpp::ConnectionId id, std::string message) override;
  void close(xmpp::ConnectionId id, std::uint16_t code) override;

 private:
  class Handler;
  xmpp::Server* server_ = nullptr;
  std::unordered_map<xmpp::ConnectionId, Socket*> open_;
  xmpp::ConnectionId next_ = 1;
};

}  // namespace roomgate::sfu::web
