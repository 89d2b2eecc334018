// What the HTTP server and the site say to each other: requests, answers and WebSockets as bytes and
// messages, without any type of the HTTP library (whose templates take long to compile). Signalling thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/clock.hpp"
#include "base/encoding.hpp"

namespace roomgate::sfu::web {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method;
  std::string path;   // as sent, up to the '?'
  std::string query;  // as sent, behind the '?'
  Headers headers;
  std::string body;
  Address remote;

  // Empty when absent; of several, the first.
  std::string_view header(std::string_view name) const {
    const auto found = std::find_if(headers.begin(), headers.end(),
                                    [&](const auto& field) { return ascii_iequals(field.first, name); });
    return found == headers.end() ? std::string_view() : std::string_view(found->second);
  }

  // A query parameter, percent-decoded once, '+' as space; nullopt when absent.
  std::optional<std::string> parameter(std::string_view name) const;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  Headers headers;
  std::string body;
  bool watch = false;  // the body goes on: lines of Server::publish() follow, until the client leaves
};

// One open WebSocket, as its handler sees it. send() queues; a client that does not read is cut off when its
// queue is full. Calls after close() do nothing.
class Socket {
 public:
  virtual ~Socket() = default;
  virtual void send(std::string text) = 0;
  virtual void close(std::uint16_t code, std::string_view reason) = 0;
};

class SocketHandler {
 public:
  virtual ~SocketHandler() = default;
  // The socket lives until on_closed() has returned. `silent`: how long nothing had come when it was given up
  // for dead; zero when it ended in any other way.
  virtual void on_open(Socket& socket) = 0;
  virtual void on_text(std::string_view text) = 0;
  virtual void on_closed(Duration silent) = 0;
};

// The answer to a WebSocket handshake: a handler, or a refusal.
struct Upgrade {
  std::unique_ptr<SocketHandler> handler;
  std::string subprotocol;  // empty: none
  Headers headers;          // on the 101
  Response refusal;         // when there is no handler
};

class Site {
 public:
  virtual ~Site() = default;
  virtual Response respond(const Request& request) = 0;
  virtual Upgrade upgrade(const Request& request) = 0;
  // The answer to what was no readable request: of this status, with the headers that every answer has.
  virtual Response refuse(unsigned status, std::string reason) = 0;
};

}  // namespace roomgate::sfu::web
