// One client connection of bench_load: opens, shakes hands, then does units (a request and its whole answer,
// or a WebSocket message and its echo), and opens anew when it was closed. Owned by Load.
#pragma once

#include "bench/proxy/load.hpp"

namespace roomgate::bench::proxy {

class Client : public Handler {
 public:
  Client(Load& load, std::size_t number) : load_(load), number_(number) {}
  void open();
  void begin(Clock::time_point since);  // one unit; its time counts from then
  void on_event(std::uint32_t events) override;
  bool has_begun() const { return since_ != Clock::time_point{}; }
  Clock::time_point opened() const { return opened_; }
  void keep(SslSession ticket) { ticket_ = std::move(ticket); }

 private:
  enum class State { kClosed, kConnecting, kHandshaking, kUpgrading, kReady, kWaiting, kDraining };
  void shake();
  void established();
  bool flush();
  void read();
  bool take(std::string_view bytes);  // false: the peer broke the protocol
  bool take_response(std::string_view& bytes);
  bool take_frames(std::string_view& bytes);
  void unit_done();
  void broken(const char* why);

  Load& load_;
  std::size_t number_;
  State state_ = State::kClosed;
  Wire wire_;
  SslSession ticket_;
  std::string_view out_;  // borrowed from Load: the requests are made once
  std::string head_;      // a head or frame header that came in pieces
  std::size_t left_ = 0;  // of the body or the frame
  bool in_body_ = false;
  int status_ = 0;
  Clock::time_point since_{}, opened_{};
};

}  // namespace roomgate::bench::proxy
