#include "router/http/types.hpp"

#include "router/http/syntax.hpp"

namespace roomgate::router::http {

HeaderId header_id(std::string_view name) {
  const auto is = [name](std::string_view known) { return same(name, known); };
  switch (name.size()) {
    case 2: return is("te") ? HeaderId::te : HeaderId::other;
    case 4: return is("host") ? HeaderId::host : HeaderId::other;
    case 6:
      if (is("cookie")) return HeaderId::cookie;
      return is("expect") ? HeaderId::expect : HeaderId::other;
    case 7:
      if (is("upgrade")) return HeaderId::upgrade;
      return is("trailer") ? HeaderId::trailer : HeaderId::other;
    case 8: return is("location") ? HeaderId::location : HeaderId::other;
    case 9:
      if (is("x-real-ip")) return HeaderId::x_real_ip;
      return is("forwarded") ? HeaderId::forwarded : HeaderId::other;
    case 10:
      if (is("connection")) return HeaderId::connection;
      return is("keep-alive") ? HeaderId::keep_alive : HeaderId::other;
    case 12: return is("x-request-id") ? HeaderId::x_request_id : HeaderId::other;
    case 13: return is("x-jitsi-shard") ? HeaderId::x_jitsi_shard : HeaderId::other;
    case 14:
      if (is("content-length")) return HeaderId::content_length;
      if (is("x-proxy-region")) return HeaderId::x_proxy_region;
      if (is("x-roomgate-why")) return HeaderId::x_roomgate_why;
      if (is("x-jitsi-region")) return HeaderId::x_jitsi_region;
      return is("http2-settings") ? HeaderId::http2_settings : HeaderId::other;
    case 15:
      if (is("x-forwarded-for")) return HeaderId::x_forwarded_for;
      break;
    case 16:
      if (is("x-forwarded-host")) return HeaderId::x_forwarded_host;
      if (is("proxy-connection")) return HeaderId::proxy_connection;
      break;
    case 17:
      if (is("transfer-encoding")) return HeaderId::transfer_encoding;
      if (is("x-forwarded-proto")) return HeaderId::x_forwarded_proto;
      if (is("sec-websocket-key")) return HeaderId::sec_websocket_key;
      break;
    case 18:
      if (is("proxy-authenticate")) return HeaderId::proxy_authenticate;
      break;
    case 19:
      if (is("proxy-authorization")) return HeaderId::proxy_authorization;
      break;
    case 20:
      if (is("sec-websocket-accept")) return HeaderId::sec_websocket_accept;
      break;
    case 21:
      if (is("sec-websocket-version")) return HeaderId::sec_websocket_version;
      break;
    default: break;
  }
  constexpr std::string_view prefix = "x-forwarded-";
  return name.size() > prefix.size() && same(name.substr(0, prefix.size()), prefix)
             ? HeaderId::x_forwarded_any
             : HeaderId::other;
}

const HeaderView* find_header(Headers headers, HeaderId id) {
  for (const HeaderView& header : headers) {
    if (header.id == id) return &header;
  }
  return nullptr;
}

const HeaderView* find_header(Headers headers, std::string_view name) {
  for (const HeaderView& header : headers) {
    if (same(header.name, name)) return &header;
  }
  return nullptr;
}

std::size_t count_headers(Headers headers, HeaderId id) {
  std::size_t count = 0;
  for (const HeaderView& header : headers) count += header.id == id ? 1 : 0;
  return count;
}

namespace {
bool keeps_alive(int minor_version, const ConnectionOptions& connection) {
  if (connection.close) return false;
  return minor_version >= 1 || connection.keep_alive;
}
}  // namespace

bool keeps_alive(const RequestHead& head) { return keeps_alive(head.minor_version, head.connection); }
bool keeps_alive(const ResponseHead& head) { return keeps_alive(head.minor_version, head.connection); }

std::string_view label(ParseError error) {
  switch (error) {
    case ParseError::line_end: return "line_end";
    case ParseError::empty_lines: return "empty_lines";
    case ParseError::request_line: return "request_line";
    case ParseError::method_unknown: return "method_unknown";
    case ParseError::method_refused: return "method_refused";
    case ParseError::target_syntax: return "target_syntax";
    case ParseError::target_too_long: return "target_too_long";
    case ParseError::version_syntax: return "version_syntax";
    case ParseError::version_unsupported: return "version_unsupported";
    case ParseError::status_line: return "status_line";
    case ParseError::field_name: return "field_name";
    case ParseError::field_value: return "field_value";
    case ParseError::field_folded: return "field_folded";
    case ParseError::too_many_fields: return "too_many_fields";
    case ParseError::head_too_large: return "head_too_large";
    case ParseError::host_missing: return "host_missing";
    case ParseError::host_repeated: return "host_repeated";
    case ParseError::host_syntax: return "host_syntax";
    case ParseError::both_lengths: return "both_lengths";
    case ParseError::content_length: return "content_length";
    case ParseError::transfer_encoding: return "transfer_encoding";
    case ParseError::transfer_encoding_version: return "transfer_encoding_version";
    case ParseError::switching_protocols: return "switching_protocols";
    case ParseError::chunk_size: return "chunk_size";
    case ParseError::chunk_extension: return "chunk_extension";
    case ParseError::chunk_end: return "chunk_end";
    case ParseError::trailer: return "trailer";
  }
  return "";
}

}  // namespace roomgate::router::http
