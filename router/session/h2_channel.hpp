// One stream of an HTTP/2 connection as a channel: what a relay or a tunnel reads and writes. Ends with its
// stream, which it gives back; may outlive the coroutine that took the request, as a tunnel's. Its core's
// thread.
#pragma once

#include <memory>

#include "base/net/channel.hpp"
#include "router/h2/connection.hpp"

namespace roomgate::router::session {

class Exchange;
class H2Session;
struct MovedRooms;

class H2Channel final : public net::Channel {
 public:
  H2Channel(std::shared_ptr<H2Session> session, h2::Stream& stream);
  ~H2Channel() override;

  std::optional<net::IoResult> try_read(ByteSpan into) override;
  using Channel::write_all;
  net::Task<net::IoStatus> write_all(std::span<const ByteView> parts, Duration stall) override;
  bool peer_gone() override { return stream_ == nullptr || gone_ || stream_->broken(); }
  void shutdown_write() override;
  void interrupt() override;
  void cancel_read() override;
  void reset_on_close() override { aborts_ = true; }
  void close() override;

  // What the session hears of its stream.
  void on_readable() { reader_.wake({}); }
  void on_writable() { writer_.wake({}); }
  void on_gone();
  void rooms_moved(const MovedRooms& moved);

  // Told when the client goes; null: nobody is.
  void set_exchange(Exchange* exchange) { exchange_ = exchange; }

 private:
  Readiness ready_to_read() override;

  std::shared_ptr<H2Session> session_;
  h2::Stream* stream_;  // null: given back
  Exchange* exchange_ = nullptr;
  net::Waiter reader_;
  net::Waiter writer_;
  bool interrupted_ = false;
  bool gone_ = false;  // the client, or its connection
  bool aborts_ = false;
};

}  // namespace roomgate::router::session
