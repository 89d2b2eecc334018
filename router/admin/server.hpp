// The admin endpoint's listeners: TCP, unix socket, probes. Small and careful rather than fast. Owned by the
// gate, on its control core.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/net/acceptor.hpp"
#include "router/admin/api.hpp"

namespace roomgate::router::admin {

struct Options {
  std::string address = "127.0.0.1:9090";  // empty: none; so for all of them
  std::string socket;
  std::string probe_address;
  std::string token;
};

struct Limits {
  std::size_t max_connections = 64;
  std::size_t max_body_bytes = 16 * 1024;
  Duration request = seconds(10);
};

class Server {
 public:
  Server(net::Core& core, Subject& subject, Options options, Limits limits = {});
  ~Server();

  // Opens the listeners; the error is for the operator.
  Result<void, std::string> start();
  void set_token(std::string token) { options_.token = std::move(token); }
  void stop();

 private:
  void accept(int descriptor, Access access);
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, Access access);
  Result<void, std::string> listen(const std::string& address, Access access);

  net::Core& core_;
  Subject& subject_;
  Options options_;
  Limits limits_;
  std::size_t open_ = 0;
  std::vector<std::unique_ptr<net::Acceptor>> acceptors_;
};

}  // namespace roomgate::router::admin
