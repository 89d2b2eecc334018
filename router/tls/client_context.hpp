// TLS towards one shard: our side verifies whom it speaks to, and comes back with the session it had. One per
// shard, made by the gate at start and reload, shared by all cores and the health checks; any thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/net/stream.hpp"
#include "base/result.hpp"
#include "router/tls/openssl.hpp"

namespace roomgate::router::tls {

struct ClientOptions {
  std::string address;  // of the shard, with its port
  bool verify = true;
  std::string ca;   // PEM file; empty: the system's authorities
  std::string sni;  // the name to ask for and to verify; empty: the address, by IP and without SNI
  friend bool operator==(const ClientOptions&, const ClientOptions&) = default;
};

// The authorities of a file, or the system's. The error names the file.
Result<std::shared_ptr<X509_STORE>, std::string> load_authorities(const std::string& file);

class ClientContext {
 public:
  static Result<std::shared_ptr<const ClientContext>, std::string> make(
      ClientOptions options, const std::shared_ptr<X509_STORE>& authorities);

  // For a new connection to the shard, in connect state: give it to net::Stream::handshake. A failure there
  // is IoError::tls; tls::explain_failure says more. Never null.
  net::SslPointer connect() const;

  const ClientOptions& options() const { return options_; }

 private:
  ClientContext() = default;
  ClientOptions options_;
  std::string name_;  // to verify; empty: by ip_
  std::string ip_;
  ContextPointer context_;
};

}  // namespace roomgate::router::tls
