// What an HTTP/1 head is once it has been read: views into the connection's buffer, valid until that buffer
// changes. Shared by the parsers, the rewriter and the router; no logic but lookups. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace roomgate::router::http {

// `other` are the registered methods that need no treatment of their own (PROPFIND, SEARCH, ...); what is in
// no registry is refused by the parser.
enum class Method : std::uint8_t { get, head, post, put, del, options, patch, trace, connect, other };

enum class HeaderId : std::uint8_t {
  other,
  host,
  connection,
  content_length,
  transfer_encoding,
  upgrade,
  expect,
  te,
  trailer,
  keep_alive,
  proxy_connection,
  proxy_authenticate,
  proxy_authorization,
  http2_settings,
  forwarded,
  x_forwarded_for,
  x_forwarded_proto,
  x_forwarded_host,
  x_forwarded_any,  // any further X-Forwarded-*
  x_real_ip,
  x_client_cert,  // X-Client-Cert-*: who the gate says has shown a certificate
  x_request_id,
  x_proxy_region,
  x_roomgate_why,
  x_jitsi_shard,
  x_jitsi_region,
  sec_websocket_key,
  sec_websocket_version,
  sec_websocket_accept,
  cookie,
  location,
  proxy,          // CVE-2016-5385: HTTP_PROXY of a CGI program
  path_override,  // X-Original-URL, X-Rewrite-URL: servers that take the path from there
};

HeaderId header_id(std::string_view name);

struct HeaderView {
  std::string_view name;
  std::string_view value;  // without surrounding white space
  HeaderId id = HeaderId::other;
  // Known to be of letters, digits and dashes only: no other name can be made to look like it.
  bool plain_name = false;
};
using Headers = std::span<const HeaderView>;

// The id that servers may take that field for: X_Forwarded_For, X.Forwarded.For and the like are one variable
// to CGI, and some drop the marks around a name.
HeaderId look_alike(const HeaderView& header);
// The same for a name that has no id: may servers take that field for it? `name`: letters, digits, dashes.
bool looks_like(const HeaderView& header, std::string_view name);

// The first of that name; nullptr where there is none.
const HeaderView* find_header(Headers headers, HeaderId id);
const HeaderView* find_header(Headers headers, std::string_view name);
std::size_t count_headers(Headers headers, HeaderId id);

// The most a Limits::max_headers may say: slots are part of the parser, so that reading a head allocates
// nothing.
inline constexpr std::size_t kHeaderSlots = 128;

struct Limits {
  std::size_t max_head_bytes = 16 * 1024;  // at most 65535
  std::size_t max_headers = 100;
  std::size_t max_target_bytes = 8 * 1024;
  std::size_t max_name_bytes = 256;
  std::size_t max_connection_options = 32;  // each is compared with each field's name
  std::size_t max_empty_lines = 4;          // before a request line (RFC 9112 2.2 asks for one at least)
};

enum class TargetForm : std::uint8_t { origin, absolute, asterisk };

// RFC 9112 3.2. `path` is as sent ("/" where an absolute target has none, "*" for the asterisk); the query is
// without its question mark.
struct Target {
  TargetForm form = TargetForm::origin;
  std::string_view authority;  // absolute form only
  std::string_view path;
  std::string_view query;
  bool has_query = false;
};

// What the Connection header lines say, all of them together.
struct ConnectionOptions {
  bool close = false;
  bool keep_alive = false;
  bool upgrade = false;
  std::size_t elements = 0;
  std::size_t others = 0;  // names of further fields that are for this hop only
};

// Does a Connection line name that field? The parsers bound how many names there are
// (Limits::max_connection_options), so asking for each field stays linear in the head.
bool names_field(Headers headers, std::string_view name);

struct RequestHead {
  Method method = Method::get;
  std::string_view method_text;
  std::string_view target_text;
  Target target;
  std::string_view authority;  // whom the request is for: the absolute target's, else Host (RFC 9112 3.2.2)
  int minor_version = 1;
  Headers headers;
  ConnectionOptions connection;
  bool expects_continue = false;
  std::size_t size = 0;  // bytes of the buffer that the head takes, empty lines before it included
};

struct ResponseHead {
  int minor_version = 1;
  int status = 0;
  std::string_view reason;
  Headers headers;
  ConnectionOptions connection;
  std::size_t size = 0;
};

// RFC 9112 9.3: may another message follow on this connection?
bool keeps_alive(const RequestHead& head);
bool keeps_alive(const ResponseHead& head);

// Everything that can be wrong with a message's head, framing or chunked body. error_response.hpp says what a
// client is told; from an upstream each of them is a 502.
enum class ParseError : std::uint8_t {
  line_end,        // bare CR or LF
  empty_lines,     // too many before the request line
  request_line,    // not METHOD SP TARGET SP VERSION
  method_unknown,  // in no registry: 501
  method_refused,  // CONNECT, TRACE, PRI: 405
  target_syntax,
  target_too_long,  // 414
  version_syntax,
  version_unsupported,  // 505
  status_line,
  field_name,
  field_value,
  field_folded,     // obs-fold, or space before the colon
  too_many_fields,  // 431
  head_too_large,   // 431
  host_missing,
  host_repeated,
  host_syntax,
  both_lengths,
  content_length,             // not 1 to 18 digits, or repeated
  transfer_encoding,          // anything but one "chunked"
  transfer_encoding_version,  // in HTTP/1.0
  switching_protocols,        // 101 that nobody asked for
  chunk_size,
  chunk_extension,
  chunk_end,
  trailer,
};

// Stable, for logs and metrics: "both_lengths".
std::string_view label(ParseError error);

}  // namespace roomgate::router::http
