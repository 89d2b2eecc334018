// Who a request is from and how it reached us: behind a front door the connection's own address is the
// door's. Pure; table-tested.
#pragma once

#include <string>

#include "base/network.hpp"
#include "sfu/web/types.hpp"

namespace roomgate::sfu::web {

struct Origin {
  std::string client;  // IP, for logs
  std::string
      channel_base;    // "wss://host:port": the URL of this client's bridge channel begins so (shard.md 8)
  std::string region;  // X-Proxy-Region of a trusted front door, else empty
};

// X-Forwarded-For, -Proto, -Host and X-Proxy-Region are believed from `trusted` only. `public_url`
// (https://host) overrides what the request says of itself.
Origin origin_of(const Request& request, const Networks& trusted, const std::string& public_url);

// Orders such as drain: from this machine itself, not through any front door, or with the token.
bool may_administer(const Request& request, const std::string& token);

}  // namespace roomgate::sfu::web
