// One HTTP request to a shard on a connection of its own, with a deadline: what checks and the census ask
// with. Coroutines of the core given.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/net/stream.hpp"
#include "base/result.hpp"
#include "router/tls/client_context.hpp"

namespace roomgate::router::health {

// Why there is no answer.
struct Failure {
  std::string reason;     // for people
  bool may_pass = false;  // it may be the network's or ours, and say nothing about the shard
};

// Takes the body piece by piece. A text ends it, and is the failure's reason.
using Body = std::function<std::string_view(std::string_view piece)>;

// `tls`: null: plain.
net::Task<Result<std::unique_ptr<net::Stream>, Failure>> open(net::Core& core, std::string address,
                                                              const tls::ClientContext* tls,
                                                              TimePoint deadline);

// The answer's status, once all of its body has gone to `body`. What `body` speaks of outlives this.
net::Task<Result<int, Failure>> exchange(net::Stream& stream, std::string request, Body body,
                                         TimePoint deadline, Duration stall);

}  // namespace roomgate::router::health
