// One client connection as it was accepted: its socket, who is at the other end, and its place inside. Made
// by arrival.cpp, handed to the session of the protocol that is spoken; its core's thread.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/net/stream.hpp"
#include "router/listen/listener.hpp"
#include "router/metrics/metrics.hpp"
#include "router/region/locator.hpp"

namespace roomgate::router::session {

// A connection's place inside: counted while it lives, given on to the tunnel it becomes.
class Seat {
 public:
  Seat(listen::Admission& admission, metrics::Gauge& gauge, limits::Ticket ticket)
      : admission_(&admission), gauge_(&gauge), ticket_(std::move(ticket)) {
    gauge.add(1);
  }
  Seat(Seat&& other) noexcept
      : admission_(std::exchange(other.admission_, nullptr)),
        gauge_(other.gauge_),
        ticket_(std::move(other.ticket_)) {}
  Seat& operator=(Seat&&) = delete;
  ~Seat() {
    if (admission_ == nullptr) return;
    admission_->leave();
    gauge_->add(-1);
  }

  // What its address has used; empty where a front speaks for others.
  const limits::Ticket& ticket() const { return ticket_; }
  void set_ticket(limits::Ticket ticket) { ticket_ = std::move(ticket); }

 private:
  listen::Admission* admission_;
  metrics::Gauge* gauge_;
  limits::Ticket ticket_;
};

// Who speaks to us on it.
struct Peer {
  std::shared_ptr<const listen::Entrance> entrance;
  Address address;  // of the client, as far as the connection or its PROXY header tells
  std::string ip;
  bool trusted = false;             // its X-Forwarded-* are believed
  bool https = false;               // by TLS, with us
  bool tls_before = false;          // by TLS, with the front that sent a PROXY header
  std::string certificate_subject;  // of the certificate that it showed us and that was verified
  mutable region::Memo region;      // of its address, of requests that no front speaks for
};

struct Connection {
  Peer peer;  // first: its entrance has the TLS contexts, which must outlive the stream
  std::unique_ptr<net::Stream> stream;
  Seat seat;
  TimePoint accepted;
  // The TLS handshake, where there was one.
  Duration handshake{};
  bool resumed = false;
  std::vector<std::uint8_t> early;  // plain: read behind a PROXY header, the first bytes of what is spoken
};

}  // namespace roomgate::router::session
