// The front door's doors: what a listening address means, how many connections may be inside, and its accept
// loop on one core. Owned by the gate; each Listener runs on its core's thread.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>

#include "base/net/acceptor.hpp"
#include "base/network.hpp"
#include "router/limits/gatekeeper.hpp"
#include "router/limits/refusal.hpp"
#include "router/metrics/metrics.hpp"
#include "router/tls/contexts.hpp"

namespace roomgate::router::listen {

// One [[listen]] block on one core. Immutable but for ticket keys; connections keep the one they came in by
// across a reload.
struct Entrance {
  std::shared_ptr<tls::Contexts> contexts;  // none: plain
  Networks proxy_protocol_from;             // a PROXY header comes first
  Networks trust_forwarded_from;
  bool redirect_to_https = false;
  bool http2_cleartext = false;    // a plain connection may begin with HTTP/2's preface
  std::uint16_t https_port = 443;  // where that redirect leads

  // Speaks for others: what it does is theirs, so it is not limited as a client.
  bool is_front(const Address& address) const {
    return proxy_protocol_from.contains(address) || trust_forwarded_from.contains(address);
  }
};

// Counts connections of all cores against one limit.
class Admission {
 public:
  explicit Admission(std::size_t limit) : limit_(limit) {}
  bool enter();
  void leave() { inside_.fetch_sub(1, std::memory_order_relaxed); }
  std::size_t inside() const { return inside_.load(std::memory_order_relaxed); }
  void set_limit(std::size_t limit) { limit_.store(limit, std::memory_order_relaxed); }

 private:
  std::atomic<std::size_t> limit_;
  std::atomic<std::size_t> inside_{0};
};

// May a client of that address come in by this entrance? Its Ticket is empty where it is not limited. A TLS
// handshake is counted before any work on it.
Result<limits::Ticket, limits::Limit> admit(limits::Gatekeeper& gatekeeper, const Entrance& entrance,
                                            const Address& client, TimePoint now);

struct Newcomer {
  int descriptor = -1;
  Address from;
  std::shared_ptr<const Entrance> entrance;
  limits::Ticket ticket;
};

class Listener {
 public:
  // Whoever takes the connection calls Admission::leave() when it ends.
  using OnConnection = std::function<void(Newcomer newcomer)>;

  Listener(net::Core& core, int descriptor, std::shared_ptr<const Entrance> entrance, Admission& admission,
           limits::Gatekeeper& gatekeeper, Metrics& metrics, OnConnection on_connection);

  void start() { acceptor_.start(); }
  void stop() { acceptor_.stop(); }
  // Another process goes on with the socket.
  void leave() { acceptor_.leave(); }
  bool ended() const { return acceptor_.ended(); }
  const Entrance& entrance() const { return *entrance_; }
  void set_entrance(std::shared_ptr<const Entrance> entrance) { entrance_ = std::move(entrance); }

 private:
  void accepted(int descriptor, const Address& from);
  void refuse(int descriptor, const Address& from, limits::Limit limit);

  net::Core& core_;
  std::shared_ptr<const Entrance> entrance_;
  Admission& admission_;
  limits::Gatekeeper& gatekeeper_;
  metrics::Counter& accepted_;
  std::array<metrics::Counter*, limits::kLimits> refused_{};
  OnConnection on_connection_;
  net::Acceptor acceptor_;
};

}  // namespace roomgate::router::listen
