// Certificates that clients show: whom they must be from, and what we say of the one who came. Read at start
// and reload on the control core; used by every core.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "router/tls/identity.hpp"

namespace roomgate::router::tls {

struct ClientAuthorities {
  std::string file;
  std::shared_ptr<X509_STORE> store;
  std::vector<std::shared_ptr<X509>> certificates;  // their names are told to clients
  bool required = true;                             // false: a client without a certificate is let in
  // Of authorities, revocation lists and `required`: goes into the session id context, so that a ticket from
  // a door that asks for less opens none that asks for more.
  std::array<std::uint8_t, 32> digest{};
};

// A PEM file of authorities' certificates, and of revocation lists if leaf certificates shall be looked up in
// them.
Result<ClientAuthorities, std::string> load_client_authorities(const std::string& file, bool required,
                                                               std::int64_t now,
                                                               std::vector<std::string>& warnings);

// The verified subject in the form of RFC 2253, printable ASCII only, at most kMaxSubject characters; empty
// when the client has shown no certificate.
inline constexpr std::size_t kMaxSubject = 1024;
std::string client_subject(SSL* ssl);

}  // namespace roomgate::router::tls
