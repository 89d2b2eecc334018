// Every answer that roomgate makes itself: one list of reasons with their status, label (metrics and access
// log) and one line of text for people. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "router/http/types.hpp"

namespace roomgate::router::http {

enum class Reason : std::uint8_t {
  none,
  redirect,              // 308
  bad_request,           // 400
  bad_framing,           // 400, and close: lengths that two readers read differently
  bad_upgrade,           // 400
  missing_proxy_header,  // 400
  banned,                // 403: [[bans]], and the operator's
  not_found,             // 404: a path that is never forwarded
  no_such_shard,         // 404: named in the path
  wrong_shard,           // 404: /v1/_ws names a shard that the room is not on; the client reloads
  room_moved,            // 404: a poll that was held by the shard which the room has left
  method_refused,        // 405
  head_timeout,          // 408
  body_timeout,          // 408
  body_too_large,        // 413
  target_too_long,       // 414
  key_too_long,          // 414
  misdirected,           // 421: the host is not one of this TLS connection's
  rate_limited,          // 429: limits.per_address.requests
  new_rooms_limited,     // 429: limits.per_address.new_rooms
  connections_limited,   // 429: limits.per_address.connections, where a front speaks for the client
  tunnels_limited,       // 429: limits.tunnels_per_room
  banned_for_now,        // 429: the same, where the ban says so
  head_too_large,        // 431
  method_unknown,        // 501
  bad_answer,            // 502: the shard answered nonsense
  upstream_broke,        // 502: the connection broke after the request was sent
  no_shard,              // 503: none eligible
  unknown_shard,         // 503: the entry names a shard without an address
  shard_maintenance,     // 503
  connect_refused,       // 503
  connect_timeout,       // 503
  connect_tls,           // 503: no TLS with the shard, or its certificate does not verify
  queue_full,            // 503: limits.queue_per_shard requests wait for the shard already
  queue_timeout,         // 503: none of the shard's max_connections became free within timeouts.queue
  table_full,            // 503: nothing idle to evict
  overloaded,            // 503
  draining,              // 503: this gate is going away
  upstream_silent,       // 504
  version_unsupported,   // 505
  // Appended: processes of an upgrade say reasons to each other by number.
  no_owner,  // 503: of the front doors, the one that decides on this room is not there now
};
inline constexpr Reason kLastReason = Reason::no_owner;

struct ReasonText {
  Reason reason;
  int status;
  std::string_view label;
  std::string_view text;
};
const ReasonText& describe(Reason reason);
std::string_view status_text(int status);

// Must the connection end with that answer? After a message that is wrong in itself, what follows cannot be
// trusted to begin where it seems to.
bool ends_connection(Reason reason);

// What a client is told about its own bad message.
Reason reason_of(ParseError error);

struct ErrorAnswer {
  Reason reason = Reason::bad_request;
  bool keep_alive = false;
  int client_minor_version = 1;
  bool head_only = false;     // the request was HEAD
  int retry_after = 2;        // seconds; sent with 503 and 429
  std::string_view location;  // of 308
  std::string_view request_id;
  std::string_view why;  // X-Roomgate-Why; empty unless debug_headers
};
void write_error_response(const ErrorAnswer& answer, std::string& out);

// 200 with that text, for what the gate answers well: /about/health, /_unlock where a shard has none.
struct PlainAnswer {
  int status = 200;
  bool keep_alive = true;
  int client_minor_version = 1;
  bool head_only = false;
  std::string_view content_type = "text/plain; charset=utf-8";
  std::string_view body;
  std::string_view content_security_policy;  // of a page for people: with all that keeps it to itself
  std::string_view shard;                    // X-Jitsi-Shard and -Region, exposed to scripts; empty: none
  std::string_view region;
};
void write_plain_response(const PlainAnswer& answer, std::string& out);

// 308 to https: the Location for that request. Empty where the request names no host.
std::string https_location(const RequestHead& head, std::uint16_t https_port);

}  // namespace roomgate::router::http
