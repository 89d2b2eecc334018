// The way to a server: its addresses and its TLS, the same for all participants of a run. Names are asked for
// once (getaddrinfo: /etc/hosts and search lists count, as for a browser) and remembered. Made by the runner,
// outlives everybody; any thread.
#pragma once

#include <openssl/ssl.h>

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/net/stream.hpp"
#include "base/result.hpp"
#include "bench/roomload/signal/problem.hpp"
#include "bench/roomload/signal/url.hpp"

namespace roomgate::bench::roomload::signal {

class Network {
 public:
  struct Options {
    bool insecure = false;  // any certificate will do
  };
  // Fails when the system's certificates cannot be read.
  static Result<std::unique_ptr<Network>, Problem> make(const Options& options);

  // Blocks the thread the first time a name is asked for.
  Result<std::vector<Address>, Problem> addresses(const Url& url);
  // Resolved, connected and, where the address is secure, with TLS done: HTTP/1.1 may be spoken.
  net::Task<Result<std::unique_ptr<net::Stream>, Problem>> dial(net::Core& core, Url url, TimePoint deadline);

 private:
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  explicit Network(const Options& options) : options_(options) {}
  net::SslPointer client_for(const Url& url) const;

  const Options options_;
  std::unique_ptr<SSL_CTX, ContextFree> context_;
  std::mutex mutex_;
  std::map<std::string, std::vector<Address>> known_;  // by host
};

}  // namespace roomgate::bench::roomload::signal
