// bench_floor: how little a proxy can cost. A bare relay: one hash of the room, pooled back-end connections,
// Content-Length framing, OpenSSL straight on the socket; no timeouts, limits, checks, headers or logs. With
// ALPN h2 it is the same under libnghttp2. Everything of one process is in Floor, one thread.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "bench/proxy/socket.hpp"

namespace roomgate::bench::proxy {

class Upstream;

// What an upstream connection tells the one who asked. All of it happens inside the upstream's own event.
class Asker {
 public:
  virtual ~Asker() = default;
  // Bytes of the response; false: stop reading until Upstream::resume.
  virtual bool on_bytes(std::string_view bytes, bool in_head) = 0;
  virtual void on_response_end() = 0;  // the upstream is back in its pool
  virtual void on_upstream_closed() = 0;
};

struct Floor {
  Poller poller;
  SslContext tls;
  std::array<std::uint16_t, 2> backs{};
  std::array<std::vector<Upstream*>, 2> pools;
  std::array<char, 64 * 1024> scratch{};
  std::vector<Handler*> dirty;  // h2 connections with something to send

  Upstream& take(std::size_t back);  // from the pool, else a new one
};

// One connection to a back-end: response framing, and tunnel bytes after a 101.
class Upstream : public Handler {
 public:
  Upstream(Floor& floor, std::size_t back);
  void ask(Asker& asker, std::string_view request);
  bool send(std::string_view bytes);  // more of a tunnel; false: kept, wait for on_upstream_writable
  void resume();                      // the asker can take bytes again
  void close();                       // the asker is gone
  void on_event(std::uint32_t events) override;
  bool tunnel() const { return tunnel_; }

 private:
  bool flush();
  void read();
  bool take(std::string_view bytes);
  bool head(std::string_view head);

  Floor& floor_;
  std::size_t back_;
  Wire wire_;
  Asker* asker_ = nullptr;
  std::string out_;
  std::string head_;
  std::size_t left_ = 0;
  bool up_ = false, in_body_ = false, tunnel_ = false, paused_ = false, ended_ = false, dead_ = false;
};

std::size_t back_of(std::string_view target);  // by the room

// A client connection that chose h2; takes over descriptor and TLS of one that was accepted.
void start_h2(Floor& floor, Wire wire);

}  // namespace roomgate::bench::proxy
