// The shard's HTTP/1.1 and WebSocket server (Beast), on the signalling thread's io_context. It knows no
// paths: every request goes to the Site. Bounds are in Limits; each wait has a deadline.
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "sfu/web/types.hpp"

namespace roomgate::sfu::web {

struct Limits {
  std::uint32_t header_bytes = 16 * 1024;
  std::uint64_t body_bytes = 64 * 1024;
  std::size_t message_bytes = 256 * 1024;            // one WebSocket message (shard.md 14)
  std::size_t socket_queue_bytes = 4 * 1024 * 1024;  // waiting for one client; more: it is cut off
  std::size_t connections = 20'000;
  Duration request_timeout = std::chrono::seconds(10);
  Duration keep_alive = std::chrono::seconds(75);  // longer than a front door keeps its side
  Duration ping_interval = std::chrono::seconds(10);
  Duration dead_after = std::chrono::seconds(30);  // without a byte (shard.md 15)
};

class Server {
 public:
  Server(boost::asio::io_context& context, Site& site, Limits limits);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The text of the error is for the operator: "cannot listen on 0.0.0.0:8080: Address already in use".
  Result<Address, std::string> listen(const Address& address);
  void stop_accepting();
  // Ends every connection, WebSockets with 1001.
  void close_all();

  // One line to every watcher.
  void publish(const std::string& line);

  struct State;  // state.hpp

 private:
  std::shared_ptr<State> state_;
};

}  // namespace roomgate::sfu::web
