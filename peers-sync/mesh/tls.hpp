// Mutual TLS between peers: each shows a certificate that an authority of `ca` vouches for, and that has the
// peer's name in it. One context for both directions, made at start and reload; any thread.
#pragma once

#include <memory>
#include <string>

#include "base/net/stream.hpp"
#include "base/result.hpp"

namespace roomgate::peers_sync::mesh {

struct TlsFiles {
  std::string certificate;  // PEM, the leaf first
  std::string key;          // empty: in the same file
  std::string ca;
  friend bool operator==(const TlsFiles&, const TlsFiles&) = default;
};

class TlsContext {
 public:
  // The certificate must have `own_name`: the others would refuse it later, and less clearly.
  static Result<std::shared_ptr<const TlsContext>, std::string> load(const TlsFiles& files,
                                                                     const std::string& own_name);

  // For net::Stream::handshake. What opens is verified, but by nobody's name yet: shows_name(). Never null.
  net::SslPointer connect() const;
  net::SslPointer accept() const;

 private:
  TlsContext() = default;
  net::SslPointer make() const;
  std::shared_ptr<SSL_CTX> context_;
};

// The other side has shown a certificate with that name: one of its DNS names, or its common name.
bool shows_name(SSL* ssl, const std::string& name);

// Why the handshake failed, for people. Right after it has.
std::string tls_failure(const SSL* ssl);

}  // namespace roomgate::peers_sync::mesh
