#include "router/http/rewrite.hpp"

#include "router/http/answer_fields.hpp"
#include "router/http/head_writer.hpp"
#include "router/http/syntax.hpp"

namespace roomgate::router::http {
namespace {

void append_field(std::string_view name, std::string_view value, HeadWriter& out) {
  const char* const name_end = name.data() + name.size();
  // It came in this spelling: one copy.
  if (!value.empty() && value.data() == name_end + 2 && name_end[0] == ':' && name_end[1] == ' ') {
    out.append({name.data(), name.size() + 2 + value.size()});
  } else {
    out.append(name);
    out.append(": ");
    out.append(value);
  }
  out.append("\r\n");
}

void append_framing(const Framing& framing, HeadWriter& out) {
  if (framing.kind == Framing::Kind::length) {
    out.append("Content-Length: ");
    out.append_number(framing.length);
    out.append("\r\n");
  } else if (framing.kind == Framing::Kind::chunked) {
    out.append("Transfer-Encoding: chunked\r\n");
  }
}

bool passes_to_shard(const HeaderView& header, const RequestHead& head, std::string_view region_header) {
  // What servers may take for a field that it is not: nobody means well by such a name.
  if (look_alike(header) != header.id) return false;
  // What it says has become X-Proxy-Region, or is a forgery.
  if (!region_header.empty() && looks_like(header, region_header)) return false;
  switch (header.id) {
    case HeaderId::host:
    case HeaderId::connection:
    case HeaderId::content_length:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
    case HeaderId::expect:
    case HeaderId::te:
    case HeaderId::trailer:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::proxy_authenticate:
    case HeaderId::proxy_authorization:
    case HeaderId::http2_settings:
    case HeaderId::x_forwarded_for:
    case HeaderId::x_forwarded_proto:
    case HeaderId::x_forwarded_host:
    case HeaderId::x_request_id:
    case HeaderId::x_proxy_region:
    case HeaderId::x_roomgate_why:
    case HeaderId::x_client_cert:
    // Not from a trusted front either: nobody says which of these it sets itself, and which it lets its
    // clients write.
    case HeaderId::forwarded:
    case HeaderId::x_forwarded_any:
    case HeaderId::x_real_ip:
    case HeaderId::proxy:
    case HeaderId::path_override: return false;
    case HeaderId::other:
    case HeaderId::x_jitsi_shard:
    case HeaderId::x_jitsi_region:
    case HeaderId::sec_websocket_key:
    case HeaderId::sec_websocket_version:
    case HeaderId::sec_websocket_accept:
    case HeaderId::cookie:
    case HeaderId::location: break;
  }
  return head.connection.others == 0 || !names_field(head.headers, header.name);
}

}  // namespace

bool passes_to_client(const HeaderView& header, const ResponseHead& head) {
  switch (header.id) {
    case HeaderId::connection:
    case HeaderId::content_length:
    case HeaderId::transfer_encoding:
    case HeaderId::upgrade:
    case HeaderId::te:
    case HeaderId::trailer:
    case HeaderId::keep_alive:
    case HeaderId::proxy_connection:
    case HeaderId::proxy_authenticate:
    case HeaderId::http2_settings:
    case HeaderId::x_roomgate_why: return false;
    case HeaderId::other:
    case HeaderId::host:
    case HeaderId::expect:
    case HeaderId::proxy_authorization:
    case HeaderId::forwarded:
    case HeaderId::x_forwarded_for:
    case HeaderId::x_forwarded_proto:
    case HeaderId::x_forwarded_host:
    case HeaderId::x_forwarded_any:
    case HeaderId::x_real_ip:
    case HeaderId::x_client_cert:
    case HeaderId::x_request_id:
    case HeaderId::x_proxy_region:
    case HeaderId::x_jitsi_shard:
    case HeaderId::x_jitsi_region:
    case HeaderId::sec_websocket_key:
    case HeaderId::sec_websocket_version:
    case HeaderId::sec_websocket_accept:
    case HeaderId::cookie:
    case HeaderId::location:
    case HeaderId::proxy:
    case HeaderId::path_override: break;
  }
  return head.connection.others == 0 || !names_field(head.headers, header.name);
}

namespace {

// Who asks: where a front speaks for the client, the client and it. Nothing that stood to the left of them: a
// shard that takes the first address takes the right one.
void append_forwarded_for(const RequestRewrite& rewrite, HeadWriter& out) {
  out.append("X-Forwarded-For: ");
  if (!rewrite.forwarded_ip.empty() && rewrite.forwarded_ip != rewrite.client_ip) {
    out.append(rewrite.forwarded_ip);
    out.append(", ");
  }
  out.append(rewrite.client_ip);
  out.append("\r\n");
}

}  // namespace

void write_request_head(const RequestHead& head, const RequestRewrite& rewrite, std::string& text) {
  HeadWriter out(text, head.size + 512);
  out.append(head.method_text);
  out.append(" ");
  out.append(rewrite.path);
  if (head.target.has_query) {
    out.append("?");
    out.append(head.target.query);
  }
  out.append(" HTTP/1.1\r\n");
  append_field("Host", head.authority, out);
  for (const HeaderView& header : head.headers) {
    if (passes_to_shard(header, head, rewrite.region_header)) append_field(header.name, header.value, out);
  }
  append_framing(rewrite.framing, out);
  if (rewrite.websocket) out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");

  append_forwarded_for(rewrite, out);
  append_field("X-Forwarded-Proto", rewrite.https ? "https" : "http", out);
  append_field("X-Forwarded-Host", rewrite.forwarded_host.empty() ? head.authority : rewrite.forwarded_host,
               out);
  append_field("X-Request-Id", rewrite.request_id, out);
  if (!rewrite.region.empty()) append_field("X-Proxy-Region", rewrite.region, out);
  if (!rewrite.client_subject.empty()) append_field("X-Client-Cert-Subject", rewrite.client_subject, out);
  out.append("\r\n");
}

void write_response_head(const ResponseHead& head, const ResponseRewrite& rewrite, std::string& text) {
  HeadWriter out(text, head.size + 256);
  out.append("HTTP/1.1 ");
  out.append_number(static_cast<std::uint64_t>(head.status));
  out.append(" ");
  out.append(head.reason);
  out.append("\r\n");
  const Passed passed = pass_fields(
      head, rewrite, [&out](const HeaderView& header) { append_field(header.name, header.value, out); });

  append_framing(rewrite.framing, out);
  if (const auto length = told_length(head, rewrite, passed); !length.empty())
    append_field("Content-Length", length, out);
  if (rewrite.framing.kind == Framing::Kind::tunnel) {
    out.append("Connection: Upgrade\r\nUpgrade: websocket\r\n");
  } else if (!rewrite.keep_alive || rewrite.framing.kind == Framing::Kind::until_close) {
    out.append("Connection: close\r\n");
  } else if (rewrite.client_minor_version < 1) {
    out.append("Connection: keep-alive\r\n");
  }

  add_own_fields(rewrite, passed,
                 [&out](std::string_view name, std::string_view value) { append_field(name, value, out); });
  out.append("\r\n");
}

bool shard_name_differs(const ResponseHead& head, std::string_view announced_shard) {
  const HeaderView* said = find_header(head.headers, HeaderId::x_jitsi_shard);
  return said != nullptr && !announced_shard.empty() && said->value != announced_shard;
}

}  // namespace roomgate::router::http
