// The answer to XEP-0215 queries: STUN and TURN servers with credentials that expire (the TURN server's
// shared-secret scheme: user name = expiry, password = HMAC-SHA1 of it). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sfu/xmpp/element.hpp"
#include "sfu/xmpp/types.hpp"

namespace roomgate::sfu::xmpp {

struct ServiceAddress {
  std::string type;  // stun, turn, turns
  std::string host;
  std::uint16_t port = 3478;
  std::string transport;  // udp, tcp
};

// RFC 7064, RFC 7065: "turns:host:443?transport=tcp". nullopt: not such a URI.
std::optional<ServiceAddress> parse_service_uri(std::string_view uri);

// <services xmlns=ns/>; `type`: only these, or all when empty. URIs that do not parse are left out.
Element external_services(const Turn& turn, const std::string& ns, std::string_view type,
                          std::int64_t unix_milliseconds);

}  // namespace roomgate::sfu::xmpp
