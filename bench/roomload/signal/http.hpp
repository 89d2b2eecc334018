// One HTTP/1.1 request and its answer over a stream of Network::dial: the settings page, and the conference
// request over HTTP. Bounded and with a deadline. On the core of the stream.
#pragma once

#include <string>

#include "bench/roomload/signal/network.hpp"

namespace roomgate::bench::roomload::signal {

struct HttpRequest {
  std::string method = "GET";
  Url url;
  std::string content_type;  // with a body
  std::string body;
};

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// What every request of ours says of itself, as a page's script would: Host, Origin, User-Agent.
std::string common_fields(const Url& url);

net::Task<Result<HttpAnswer, Problem>> http_exchange(Network& network, net::Core& core, HttpRequest request,
                                                     TimePoint deadline);

}  // namespace roomgate::bench::roomload::signal
