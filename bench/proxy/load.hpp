// The load of one run: how many connections do what, for how long; and what came of it. Owned by main, one
// thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "bench/proxy/meter.hpp"
#include "bench/proxy/socket.hpp"

namespace roomgate::bench::proxy {

struct Options {
  std::uint16_t port = 0;
  bool tls = false;
  enum class Kind { kRequest, kMessage, kIdle, kHold } kind = Kind::kRequest;
  std::size_t connections = 64;
  double seconds = 1.0;
  double warm_up = 0.4;
  double rate = 0;      // units begun per second; 0: the next as soon as one is done
  bool fresh = false;   // a new connection for each request
  bool resume = false;  // with the last session ticket
  std::size_t rooms = 300;
  std::size_t sources = 0;  // client addresses 127.0.1.1 and on, in turn; 0: the usual one
  std::size_t bytes = 0;    // of a response body (0: the back-end's default) or of a message
  Processes processes;
};

class Client;

class Load {
 public:
  explicit Load(Options options);
  ~Load();
  // Runs warm-up and measured time; prints one line of JSON.
  void run();

  // For clients.
  const Options& options() const { return options_; }
  Poller& poller() { return poller_; }
  bool tunnels() const {
    return options_.kind == Options::Kind::kMessage || options_.kind == Options::Kind::kIdle;
  }
  bool holds() const {
    return options_.kind == Options::Kind::kHold || options_.kind == Options::Kind::kIdle;
  }
  SSL_CTX* tls() const { return tls_.get(); }
  std::span<char> scratch() { return scratch_; }
  const std::string& next_request();
  const std::string& upgrade(std::size_t tunnel) const { return upgrades_[tunnel % upgrades_.size()]; }
  const std::string& frame() const { return frame_; }
  void ready(Client& client);  // may take the next unit
  void done(double microseconds, int status);
  void opened(bool resumed);  // a connection is up, with its handshake
  void up() { ++up_; }        // and can do units
  void broken(const char* why);

 private:
  void open_all();
  void begin_due(Clock::time_point now);
  void idle_until_told();
  void report(const Reading& used);

  Options options_;
  Poller poller_;
  SslContext tls_;
  std::vector<char> scratch_ = std::vector<char>(256 * 1024);
  std::vector<std::string> requests_, upgrades_;
  std::string frame_;
  std::size_t next_room_ = 0;
  std::vector<std::unique_ptr<Client>> clients_;
  std::deque<Client*> free_;  // open loop: who can take the next unit
  Clock::time_point next_due_{};
  std::size_t up_ = 0;

  struct Counts {
    std::size_t units = 0, errors = 0, non2xx = 0, full = 0, resumed = 0;
    std::string first_error;
    std::vector<float> microseconds;
  } counts_;
};

}  // namespace roomgate::bench::proxy
