// Where a message's body ends (RFC 9112 6.3), decided once, here, by one pure function per side. Bodies are
// never copied as they came: they are read by this framing and framed anew. Any thread.
#pragma once

#include <cstdint>

#include "base/result.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

struct Framing {
  enum class Kind : std::uint8_t {
    none,    // no body
    length,  // `length` bytes
    chunked,
    until_close,  // responses only: ends with the connection
    tunnel,       // a 101: from here on bytes belong to the new protocol
  };
  Kind kind = Kind::none;
  std::uint64_t length = 0;

  friend bool operator==(const Framing&, const Framing&) = default;
};

// Refuses: both lengths; a Content-Length that is repeated or not 1 to 18 digits; any Transfer-Encoding but
// one single "chunked", or one in HTTP/1.0.
Result<Framing, ParseError> framing_of(const RequestHead& head);

// `upgrading`: the request that went to the shard asked for an upgrade. 1xx, 204, 304 and answers to HEAD
// have no body whatever their headers say, but bad lengths are refused there too: they would be passed on.
Result<Framing, ParseError> framing_of(const ResponseHead& head, Method request_method, bool upgrading);

// May the shard's connection carry a further exchange after that answer? Not where it ends with it, and not
// where the shard says something that it must not say: whoever announces a body with 1xx, 204 or 304 may send
// one, too, and its bytes would be taken for the next answer.
bool leaves_connection_clean(const ResponseHead& head, const Framing& framing);

// How the same body goes to a client of that version: what has no length is chunked for HTTP/1.1 and ends
// with the connection for HTTP/1.0.
Framing framing_towards(Framing from_upstream, int client_minor_version);

}  // namespace roomgate::router::http
