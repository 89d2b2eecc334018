// One question to a shard or its agent, with a deadline; nothing is remembered. Coroutines of the core given.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/stream.hpp"
#include "router/agent/words.hpp"
#include "router/health/answer.hpp"
#include "router/tls/client_context.hpp"

namespace roomgate::router::health {

struct Options {
  bool enabled = true;
  std::string path = "/about/health";     // "": a connect is enough
  std::string host;                       // empty: the address
  std::vector<std::string> headers = {};  // "Name: value"
  std::vector<StatusRange> expect = {{200, 200}};
  Duration timeout = seconds(2);  // of one address
  balance::HealthSettings settings;
  bool observe = true;  // connections of clients that fail count as failed checks
  Duration agent_interval = seconds(5);
  std::size_t max_answer_bytes = 64 * 1024;
  std::size_t max_addresses = 8;  // of one shard that are asked
  friend bool operator==(const Options&, const Options&) = default;
};

// The head of a check's request.
std::string check_request(const Options& options, std::string_view address);
// Fields that a check says itself: not for Options::headers.
bool is_own_field(std::string_view name);

// The addresses in order, until one answers well; else the mildest of the failures.
net::Task<Answer> ask(net::Core& core, std::shared_ptr<const Options> options,
                      std::vector<std::string> addresses, std::shared_ptr<const tls::ClientContext> tls);

// The agent's line, without its end. The error is for people.
net::Task<Result<std::string, std::string>> ask_agent(net::Core& core, std::string address, Duration timeout);

}  // namespace roomgate::router::health
