#include "router/http/error_response.hpp"

#include <array>

namespace roomgate::router::http {
namespace {

constexpr std::array<ReasonText, 41> kReasons = {{
    {Reason::none, 200, "", ""},
    {Reason::redirect, 308, "redirect", "this is served over https"},
    {Reason::bad_request, 400, "bad_request", "the request is not well-formed HTTP"},
    {Reason::bad_framing, 400, "bad_framing", "the length of the request's body is not clear"},
    {Reason::bad_upgrade, 400, "bad_upgrade", "the WebSocket handshake is not one of version 13"},
    {Reason::missing_proxy_header, 400, "missing_proxy_header",
     "a PROXY header is required from this address"},
    {Reason::banned, 403, "banned", "this room is closed to everybody"},
    {Reason::not_found, 404, "not_found", "there is nothing here"},
    {Reason::no_such_shard, 404, "no_such_shard", "there is no shard of that name"},
    {Reason::wrong_shard, 404, "wrong_shard", "the room is on another shard: reload the page"},
    {Reason::room_moved, 404, "room_moved", "the room is on another shard now: connect anew"},
    {Reason::method_refused, 405, "method_refused", "this method is not allowed here"},
    {Reason::head_timeout, 408, "head_timeout",
     "the request's head did not arrive in time (timeouts.request)"},
    {Reason::body_timeout, 408, "body_timeout",
     "the request's body did not arrive in time (timeouts.client, limits.body_rate)"},
    {Reason::body_too_large, 413, "body_too_large", "the request's body is too large (limits.body_bytes)"},
    {Reason::target_too_long, 414, "target_too_long", "the address is too long (limits.target_bytes)"},
    {Reason::key_too_long, 414, "key_too_long", "the room's name is too long (rooms.max_key_bytes)"},
    {Reason::misdirected, 421, "misdirected", "this connection is not for that host"},
    {Reason::rate_limited, 429, "rate_limited",
     "too many requests from this address (limits.per_address.requests)"},
    {Reason::new_rooms_limited, 429, "new_rooms_limited",
     "too many new rooms from this address (limits.per_address.new_rooms)"},
    {Reason::connections_limited, 429, "connections_limited",
     "too many connections from this address (limits.per_address.connections)"},
    {Reason::tunnels_limited, 429, "tunnels_limited",
     "too many connections into this room (limits.tunnels_per_room)"},
    {Reason::banned_for_now, 429, "banned", "this room is closed to everybody for now"},
    {Reason::head_too_large, 431, "head_too_large",
     "the request's header fields are too large (limits.header_bytes, limits.headers)"},
    {Reason::method_unknown, 501, "method_unknown", "this method is not known"},
    {Reason::bad_answer, 502, "bad_answer", "the shard's answer is not well-formed HTTP"},
    {Reason::upstream_broke, 502, "upstream_broke", "the connection to the shard broke"},
    {Reason::no_shard, 503, "no_shard", "no shard can take this room now"},
    {Reason::unknown_shard, 503, "unknown_shard", "the room's shard has no address here"},
    {Reason::shard_maintenance, 503, "shard_maintenance", "the room's shard is in maintenance"},
    {Reason::connect_refused, 503, "connect_refused", "the room's shard refused the connection"},
    {Reason::connect_timeout, 503, "connect_timeout",
     "the room's shard did not accept the connection in time"},
    {Reason::connect_tls, 503, "connect_tls", "TLS with the room's shard failed"},
    {Reason::queue_full, 503, "queue_full",
     "limits.queue_per_shard requests wait for the room's shard already"},
    {Reason::queue_timeout, 503, "queue_timeout",
     "the room's shard had no connection to spare within timeouts.queue"},
    {Reason::table_full, 503, "table_full", "no further room fits into the table"},
    {Reason::overloaded, 503, "overloaded", "too much is going on here"},
    {Reason::draining, 503, "draining", "this front door is going away"},
    {Reason::upstream_silent, 504, "upstream_silent", "the shard did not answer in time"},
    {Reason::version_unsupported, 505, "version_unsupported", "this version of HTTP is not served"},
    {Reason::no_owner, 503, "no_owner", "the front door that decides on this room is not there now"},
}};

// describe() indexes by the enumeration; a line out of place does not compile.
constexpr bool in_order() {
  for (std::size_t i = 0; i < kReasons.size(); ++i) {
    if (static_cast<std::size_t>(kReasons[i].reason) != i) return false;
  }
  return static_cast<std::size_t>(kLastReason) + 1 == kReasons.size();
}
static_assert(in_order());

void append_line(std::string_view name, std::string_view value, std::string& out) {
  if (value.empty()) return;
  out.append(name);
  out.append(": ");
  out.append(value);
  out.append("\r\n");
}

void append_status_line(int status, std::string& out) {
  out.append("HTTP/1.1 ");
  out.append(std::to_string(status));
  out.push_back(' ');
  out.append(status_text(status));
  out.append("\r\n");
}

void append_connection(bool keep_alive, int client_minor_version, std::string& out) {
  if (!keep_alive) {
    out.append("Connection: close\r\n");
  } else if (client_minor_version < 1) {
    out.append("Connection: keep-alive\r\n");
  }
}

}  // namespace

const ReasonText& describe(Reason reason) {
  const auto index = static_cast<std::size_t>(reason);
  // A number of a later version's.
  constexpr auto kAny = static_cast<std::size_t>(Reason::overloaded);
  return kReasons[index < kReasons.size() ? index : kAny];
}

std::string_view status_text(int status) {
  switch (status) {
    case 200: return "OK";
    case 204: return "No Content";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 421: return "Misdirected Request";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
  }
}

bool ends_connection(Reason reason) {
  switch (describe(reason).status) {
    case 400:
    case 405:
    case 408:
    case 413:
    case 414:
    case 431:
    case 501:
    case 505: return true;
    default: return false;
  }
}

Reason reason_of(ParseError error) {
  switch (error) {
    case ParseError::method_unknown: return Reason::method_unknown;
    case ParseError::method_refused: return Reason::method_refused;
    case ParseError::target_too_long: return Reason::target_too_long;
    case ParseError::version_unsupported: return Reason::version_unsupported;
    case ParseError::too_many_fields:
    case ParseError::head_too_large: return Reason::head_too_large;
    case ParseError::both_lengths:
    case ParseError::content_length:
    case ParseError::transfer_encoding:
    case ParseError::transfer_encoding_version:
    case ParseError::chunk_size:
    case ParseError::chunk_extension:
    case ParseError::chunk_end:
    case ParseError::trailer: return Reason::bad_framing;
    case ParseError::line_end:
    case ParseError::empty_lines:
    case ParseError::request_line:
    case ParseError::target_syntax:
    case ParseError::version_syntax:
    case ParseError::status_line:
    case ParseError::field_name:
    case ParseError::field_value:
    case ParseError::field_folded:
    case ParseError::host_missing:
    case ParseError::host_repeated:
    case ParseError::host_syntax:
    case ParseError::switching_protocols: break;
  }
  return Reason::bad_request;
}

void write_error_response(const ErrorAnswer& answer, std::string& out) {
  const ReasonText& reason = describe(answer.reason);
  append_status_line(reason.status, out);
  out.append("Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n");
  out.append("Content-Length: ");
  out.append(std::to_string(reason.text.size() + 1));
  out.append("\r\n");
  append_connection(answer.keep_alive, answer.client_minor_version, out);
  if (reason.status == 503 || reason.status == 429) {
    append_line("Retry-After", std::to_string(answer.retry_after), out);
  }
  if (reason.status == 405) out.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n");
  append_line("Location", answer.location, out);
  append_line("X-Request-Id", answer.request_id, out);
  append_line("X-Roomgate-Why", answer.why, out);
  out.append("\r\n");
  if (answer.head_only) return;
  out.append(reason.text);
  out.push_back('\n');
}

void write_plain_response(const PlainAnswer& answer, std::string& out) {
  append_status_line(answer.status, out);
  append_line("Content-Type", answer.content_type, out);
  out.append("Cache-Control: no-store\r\nContent-Length: ");
  out.append(std::to_string(answer.body.size()));
  out.append("\r\n");
  append_connection(answer.keep_alive, answer.client_minor_version, out);
  if (!answer.content_security_policy.empty()) {
    append_line("Content-Security-Policy", answer.content_security_policy, out);
    out.append("X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n");
  }
  append_line("X-Jitsi-Shard", answer.shard, out);
  append_line("X-Jitsi-Region", answer.region, out);
  if (!answer.shard.empty() || !answer.region.empty()) {
    out.append(
        "Access-Control-Allow-Origin: *\r\nAccess-Control-Expose-Headers: X-Jitsi-Shard, X-Jitsi-Region\r\n");
  }
  out.append("\r\n");
  if (!answer.head_only) out.append(answer.body);
}

std::string https_location(const RequestHead& head, std::uint16_t https_port) {
  std::string_view host = head.authority;
  if (host.empty()) return {};
  const std::size_t colon = host.rfind(':');
  const std::size_t bracket = host.rfind(']');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  if (has_port) host = host.substr(0, colon);
  std::string location = "https://";
  location.append(host);
  if (https_port != 443) {
    location.push_back(':');
    location.append(std::to_string(https_port));
  }
  if (head.target.path != "*") location.append(head.target.path);
  if (head.target.has_query) {
    location.push_back('?');
    location.append(head.target.query);
  }
  return location;
}

}  // namespace roomgate::router::http
