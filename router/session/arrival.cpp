#include "router/session/arrival.hpp"

#include "base/log.hpp"
#include "router/session/h1_session.hpp"

namespace roomgate::router::session {
namespace {

using net::Task;

// Nothing is owed to somebody who has not spoken yet.
class Arrival final : public Guest {
 public:
  explicit Arrival(net::Stream& stream) : stream_(stream) {}
  void leave_when_idle() override {}
  void leave_now() override { stream_.interrupt(); }

 private:
  net::Stream& stream_;
};

Task<bool> shake_hands(Worker& worker, Connection& connection) {
  Arrival arrival(*connection.stream);
  worker.add(arrival);
  auto& handshakes = worker.shared.metrics.handshakes;
  const auto began = worker.core.now();
  const auto done = co_await connection.stream->handshake(connection.peer.entrance->contexts->accept(),
                                                          began + worker.settings->timeouts.handshake);
  if (!done) {
    handshakes.with({"failed"}).add();
    LOG(debug, "handshake_failed", {"client", connection.peer.ip}, {"error", net::to_string(done.error())});
    co_return false;
  }
  connection.handshake = worker.core.now() - began;
  connection.resumed = SSL_session_reused(connection.stream->tls()) == 1;
  handshakes.with({connection.resumed ? "resumed" : "full"}).add();
  co_return true;
}

Task<void> serve(Worker& worker, Connection connection) {
  if (connection.peer.https && !co_await shake_hands(worker, connection)) co_return;
  H1Session session(worker, connection);
  co_await session.run();
}

}  // namespace

void receive(Worker& worker, int descriptor, const Address& from,
             std::shared_ptr<const listen::Entrance> entrance) {
  const bool trusted = entrance->trust_forwarded_from.contains(from);
  const bool https = entrance->contexts != nullptr;
  worker.core.spawn(serve(worker, {.peer = {std::move(entrance), from, from.ip(), trusted, https},
                                   .stream = std::make_unique<net::Stream>(worker.core, descriptor),
                                   .seat = Seat(worker.shared.admission, worker.connections),
                                   .accepted = worker.core.now()}));
}

}  // namespace roomgate::router::session
