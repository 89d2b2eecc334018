// Which fields an answer has for the client, whatever the version of HTTP it goes out by: one list for
// write_response_head and for HTTP/2. Templates, since each writes in its own way, once per request. Pure,
// any thread.
#pragma once

#include <string_view>

#include "router/http/rewrite.hpp"

namespace roomgate::router::http {

struct Passed {
  bool shard = false;
  bool region = false;
  const HeaderView* length = nullptr;  // the shard's; not passed, since bodies are framed anew
};

// The shard's fields: add(const HeaderView&).
template <class Add>
Passed pass_fields(const ResponseHead& head, const ResponseRewrite& rewrite, Add add) {
  Passed passed;
  for (const HeaderView& header : head.headers) {
    if (header.id == HeaderId::content_length) passed.length = &header;
    if (!passes_to_client(header, head)) continue;
    if (header.id == HeaderId::x_request_id && !rewrite.request_id.empty()) continue;
    passed.shard = passed.shard || header.id == HeaderId::x_jitsi_shard;
    passed.region = passed.region || header.id == HeaderId::x_jitsi_region;
    add(header);
  }
  return passed;
}

// Answers to HEAD, and 304, tell the length that a GET would have (RFC 9110 8.6); 1xx and 204 have none to
// tell. Empty: nothing is told, or the framing tells it.
inline std::string_view told_length(const ResponseHead& head, const ResponseRewrite& rewrite,
                                    const Passed& passed) {
  const bool tells = rewrite.framing.kind == Framing::Kind::none && head.status >= 200 && head.status != 204;
  return tells && passed.length != nullptr ? passed.length->value : std::string_view();
}

// Ours: add(name, value).
template <class Add>
void add_own_fields(const ResponseRewrite& rewrite, const Passed& passed, Add add) {
  const bool shard = !passed.shard && !rewrite.announced_shard.empty();
  const bool region = !passed.region && !rewrite.announced_region.empty();
  if (shard) add("X-Jitsi-Shard", rewrite.announced_shard);
  if (region) add("X-Jitsi-Region", rewrite.announced_region);
  if (shard || region) add("Access-Control-Expose-Headers", "X-Jitsi-Shard, X-Jitsi-Region");
  if (!rewrite.request_id.empty()) add("X-Request-Id", rewrite.request_id);
  if (!rewrite.why.empty()) add("X-Roomgate-Why", rewrite.why);
}

}  // namespace roomgate::router::http
