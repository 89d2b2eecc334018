// The head that goes out for the head that came in: hop-by-hop fields and forgeries removed, our own added
// last (RFC 9110 7.6.1; a client's Connection line cannot name ours away). Appends to a string that
// connections reuse. Pure, any thread.
#pragma once

#include <string>
#include <string_view>

#include "router/http/framing.hpp"
#include "router/http/types.hpp"

namespace roomgate::router::http {

struct RequestRewrite {
  std::string_view path;       // routed_path().forward
  std::string_view client_ip;  // of the connection (or its PROXY header), without a port
  bool https = false;          // how the client came
  // Where client_ip is a trusted front: the client it speaks for, and the host that client asked for
  // (client_facts). What the front's own clients may have written before that goes no further.
  std::string_view forwarded_ip;
  std::string_view forwarded_host;
  std::string_view request_id;
  std::string_view
      region;  // X-Proxy-Region; empty: none is sent, and a client's copy is removed all the same
  std::string_view region_header;   // geo.header: no copy is passed on, whoever wrote it; empty: none
  std::string_view client_subject;  // of the certificate that the client showed; empty: none
  Framing framing;                  // framing_of(request)
  bool websocket = false;           // accept_upgrade said so
};
// Always HTTP/1.1, origin form (or asterisk), Host first. Expect is not passed on: the session answers 100
// itself.
void write_request_head(const RequestHead& head, const RequestRewrite& rewrite, std::string& text);

struct ResponseRewrite {
  Framing framing;  // framing_towards(client)
  int client_minor_version = 1;
  bool keep_alive = true;  // towards the client
  std::string_view
      announced_shard;  // X-Jitsi-Shard and -Region where the shard sends none; empty: add nothing,
  std::string_view announced_region;  // because the shard has not announced that name itself
  std::string_view why;               // X-Roomgate-Why; empty unless debug_headers
  std::string_view request_id;        // X-Request-Id, in place of the shard's own: one name for one request
};
// May the client see that field of the shard's? For answers in any version of HTTP.
bool passes_to_client(const HeaderView& header, const ResponseHead& head);
void write_response_head(const ResponseHead& head, const ResponseRewrite& rewrite, std::string& text);

// What a session sends before it reads the body of a request with expects_continue.
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

// X-Jitsi-Shard of the answer differs from what the shard announced: an alarm, never a rewrite.
bool shard_name_differs(const ResponseHead& head, std::string_view announced_shard);

}  // namespace roomgate::router::http
