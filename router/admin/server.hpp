// The admin endpoint's listeners: TCP, unix socket, probes. Small and careful rather than fast. Owned by the
// gate, on its control core.
#pragma once

#include <functional>
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

// One of the addresses.
enum class Place { address, socket, probe };

class Server {
 public:
  // A listening descriptor of that place that somebody gave us, ours from now on; -1: none.
  using Inherit = std::function<int(Place place, const std::string& address)>;

  Server(net::Core& core, Subject& subject, Options options, Limits limits = {});
  ~Server();

  // Opens the listeners; the error is for the operator. Connections wait until serve().
  Result<void, std::string> open(const Inherit& inherit = {});
  void serve();
  // A reload: listeners whose address stays are kept. What could fail, then the change.
  class Change;
  Result<Change, std::string> prepare(Options next);
  void commit(Change change);
  void stop();
  // Another process goes on with the listeners.
  void leave();

  // All of them, for whoever takes over.
  void each(const std::function<void(Place place, const std::string& address, int descriptor)>& visit);

 private:
  struct Listening {
    Place place;
    std::string address;
    std::unique_ptr<net::Acceptor> acceptor;
  };
  using Opened = std::vector<Listening>;

  void accept(int descriptor, Access access);
  net::Task<void> serve(std::unique_ptr<net::Stream> stream, Access access);
  // Those of `wanted` that are not open yet.
  Result<Opened, std::string> open_missing(const Options& wanted, const Inherit& inherit);

  net::Core& core_;
  Subject& subject_;
  Options options_;
  Limits limits_;
  std::size_t open_ = 0;
  Opened listening_;
  std::vector<std::unique_ptr<net::Acceptor>> stopped_;  // until nothing of them runs any more
};

class Server::Change {
 private:
  friend class Server;
  Options options_;
  Opened opened_;
};

}  // namespace roomgate::router::admin
