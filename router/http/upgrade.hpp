// The one upgrade the gate serves: WebSocket (RFC 6455 4.2). accept_upgrade decides whether a request is one;
// verify_upgrade_answer decides whether the shard really switched, and only then is there a tunnel. Pure, any
// thread.
#pragma once

#include <string>
#include <string_view>

#include "router/http/types.hpp"

namespace roomgate::router::http {

struct UpgradeDecision {
  enum class Kind : std::uint8_t {
    none,       // an ordinary request; offers of other protocols (h2c) are dropped, as RFC 9110 7.8 allows
    websocket,  // forward the upgrade
    refused,    // a WebSocket request that is not one: 400
  };
  Kind kind = Kind::none;
  std::string_view key;  // of websocket: borrowed from the head
};
// websocket: GET of HTTP/1.1 without a body, version 13, one key of 16 bytes in base64.
UpgradeDecision accept_upgrade(const RequestHead& head);

// What Sec-WebSocket-Accept has to be for that key (RFC 6455 4.2.2).
std::string websocket_accept(std::string_view key);

// True: a 101 to websocket with the right hash. Anything else with status 101 is a 502 and the connection
// closes.
bool verify_upgrade_answer(const ResponseHead& head, std::string_view key);

}  // namespace roomgate::router::http
