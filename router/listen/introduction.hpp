// The first bytes of a connection from an address in proxy_protocol_from: a PROXY header that says who the
// client is, required before anything else, TLS included. Runs in the connection's coroutine, on its core.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/net/stream.hpp"
#include "base/result.hpp"

namespace roomgate::router::listen {

struct Introduction {
  std::optional<Address> client;   // none: the front speaks for itself, or does not know
  bool https = false;              // the client came to the front by TLS
  std::vector<std::uint8_t> rest;  // read behind the header: the first bytes of what follows
};

// The error is for the log: late, or what is wrong with it; empty: the connection ended without a byte.
net::Task<Result<Introduction, std::string_view>> read_introduction(net::Stream& stream, TimePoint deadline);

}  // namespace roomgate::router::listen
