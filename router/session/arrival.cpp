#include "router/session/arrival.hpp"

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/listen/introduction.hpp"
#include "router/session/h1_session.hpp"
#include "router/tls/handshake.hpp"

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

// Who the front says it is. False: it did not, or the client may not come in.
Task<bool> be_introduced(Worker& worker, Connection& connection) {
  Peer& peer = connection.peer;
  const auto said = co_await listen::read_introduction(
      *connection.stream, connection.accepted + worker.settings->timeouts.request);
  if (!said) {
    // A front that only looks whether we are here says nothing.
    if (said.error().empty()) co_return false;
    worker.shared.metrics.rejected.with({http::describe(http::Reason::missing_proxy_header).label}).add();
    LOG(warn, "proxy_header_refused", {"from", peer.ip}, {"why", said.error()});
    co_return false;
  }
  connection.early = said->rest;
  peer.tls_before = said->https;
  // Unknown to the front: nobody whose X-Forwarded-* could be believed.
  peer.trusted = said->client && peer.entrance->trust_forwarded_from.contains(*said->client);
  if (!said->client) co_return true;
  peer.address = *said->client;
  peer.ip = said->client->ip();
  auto ticket = listen::admit(worker.shared.gatekeeper, *peer.entrance, *said->client, worker.core.now());
  if (!ticket) {
    worker.shared.metrics.rejected.with({limits::label_of(ticket.error())}).add();
    limits::log_refusal(ticket.error(), peer.ip);
    co_return false;
  }
  connection.seat.set_ticket(std::move(ticket).value());
  co_return true;
}

// At once after the handshake, while OpenSSL still has its reasons.
void note_failure(Worker& worker, const Connection& connection, net::IoError error) {
  tls::HandshakeFailure failure{.reason = std::string(net::to_string(error))};
  if (error == net::IoError::tls) failure = tls::explain_failure(connection.stream->tls());
  worker.shared.metrics.handshakes.with({failure.label()}).add();
  LOG(debug, "handshake_failed", {"client", connection.peer.ip}, {"reason", failure.reason});
  if (const auto since = worker.handshake_failures.note(worker.core.now())) {
    LOG(info, "handshakes_failed", {"since_last_line", *since}, {"client", connection.peer.ip},
        {"result", failure.label()}, {"reason", failure.reason});
  }
}

Task<bool> shake_hands(Worker& worker, Connection& connection) {
  auto& handshakes = worker.shared.metrics.handshakes;
  const auto began = worker.core.now();
  const auto early = std::exchange(connection.early, {});
  const auto done = co_await connection.stream->handshake(connection.peer.entrance->contexts->accept(),
                                                          began + worker.settings->timeouts.handshake, early);
  if (!done) {
    note_failure(worker, connection, done.error());
    co_return false;
  }
  connection.handshake = worker.core.now() - began;
  worker.tls_handshake.observe(std::chrono::duration<double>(connection.handshake).count());
  connection.resumed = SSL_session_reused(connection.stream->tls()) == 1;
  if (connection.peer.entrance->contexts->certificates().asks_clients()) {
    connection.peer.certificate_subject = tls::client_subject(connection.stream->tls());
  }
  handshakes.with({connection.resumed ? "resumed" : "full"}).add();
  co_return true;
}

Task<bool> arrive(Worker& worker, Connection& connection) {
  Arrival arrival(*connection.stream);
  worker.add(arrival);
  const Peer& peer = connection.peer;
  const bool introduced = peer.entrance->proxy_protocol_from.contains(peer.address);
  if (introduced && !co_await be_introduced(worker, connection)) co_return false;
  if (peer.https && !co_await shake_hands(worker, connection)) co_return false;
  co_return true;
}

Task<void> serve(Worker& worker, Connection connection) {
  // Neither a PROXY header nor TLS: not even a frame for it.
  const bool first = connection.peer.https || !connection.peer.entrance->proxy_protocol_from.empty();
  if (first && !co_await arrive(worker, connection)) co_return;
  H1Session session(worker, connection);
  co_await session.run();
}

}  // namespace

void receive(Worker& worker, listen::Newcomer newcomer) {
  const listen::Entrance& by = *newcomer.entrance;
  const Address& from = newcomer.from;
  Peer peer{.address = from,
            .ip = from.ip(),
            .trusted = by.trust_forwarded_from.contains(from),
            .https = by.contexts != nullptr};
  peer.entrance = std::move(newcomer.entrance);
  worker.core.spawn(
      serve(worker, {.peer = std::move(peer),
                     .stream = std::make_unique<net::Stream>(worker.core, newcomer.descriptor),
                     .seat = Seat(worker.shared.admission, worker.connections, std::move(newcomer.ticket)),
                     .accepted = worker.core.now()}));
}

}  // namespace roomgate::router::session
