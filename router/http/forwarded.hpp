// Who the client is when a trusted front (CDN, load balancer) stands before us. Pure, any thread.
#pragma once

#include <functional>
#include <string_view>

#include "router/http/types.hpp"

namespace roomgate::router::http {

struct ClientFacts {
  std::string_view ip;  // without a port; views into the head or the arguments
  bool https = false;
  std::string_view host;  // X-Forwarded-Host of a trusted front; empty: none
};

// `trusted(ip)`: is that address in trust_forwarded_from? Walks X-Forwarded-For from its end to the first
// address that is not (each front vouches for the one before it); with an untrusted peer the headers are not
// looked at.
ClientFacts client_facts(Headers headers, std::string_view peer_ip, bool peer_https,
                         const std::function<bool(std::string_view)>& trusted);

}  // namespace roomgate::router::http
