// One HTTP/2 connection: drives h2::Connection on its socket, with one coroutine and one exchange per
// request. One read per wake-up, one write for all that the turn has brought; while nothing comes or goes no
// buffer is held. Kept alive by its own coroutine and by its streams', on its worker's core.
#pragma once

#include <memory>
#include <string>

#include "router/h2/connection.hpp"
#include "router/session/exchange.hpp"
#include "router/session/h2_channel.hpp"

namespace roomgate::router::session {

class H2Session final : public Guest, public std::enable_shared_from_this<H2Session>, private net::Turn {
 public:
  // Until the connection ends.
  static net::Task<void> serve(Worker& worker, Connection connection);

  H2Session(Worker& worker, Connection connection);
  ~H2Session() override;

  void leave_when_idle() override;
  void leave_now() override;
  void rooms_moved(const MovedRooms& moved) override;
  void wind_down() override;

  // --- Its streams'.

  net::Core& core() { return worker_.core; }
  h2::Connection& http2() { return http2_; }
  // At the end of this turn.
  void flush_soon();
  void stream_done();

 private:
  enum class Ended { no, by_client, by_us };
  struct StreamSide;

  net::Task<void> run();
  net::Task<Ended> read_on();
  // What a read has brought.
  void take(ByteView bytes);
  void dispatch();
  TimePoint patience() const;
  Ended out_of_patience();
  static net::Task<void> serve_stream(std::shared_ptr<H2Session> self, h2::Stream& stream, bool first);

  void on_turn() override;
  void flush();
  static net::Task<void> write_rest(std::shared_ptr<H2Session> self);
  void end_streams();

  Worker& worker_;
  Connection connection_;
  std::shared_ptr<const Settings> settings_;  // of its beginning
  std::shared_ptr<h2::Pool> pool_;
  h2::Connection http2_;
  std::string unsent_;       // what the socket did not take, while writing_
  net::Waiter output_gone_;  // who reads waits while the client does not
  TimePoint idle_since_;
  TimePoint head_since_ = TimePoint::max();
  TimePoint left_at_ = TimePoint::max();
  Duration leave_patience_;
  bool writing_ = false;
  bool closed_ = false;
};

}  // namespace roomgate::router::session
