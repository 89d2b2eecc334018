#include "router/session/arrival.hpp"

#include "base/log.hpp"
#include "router/http/error_response.hpp"
#include "router/listen/introduction.hpp"
#include "router/session/h1_session.hpp"
#include "router/session/h2_session.hpp"
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
  const auto began = worker.core.now();
  const auto early = std::exchange(connection.early, {});
  auto ssl = connection.peer.entrance->contexts->accept();
  const auto done = co_await connection.stream->handshake(std::move(ssl),
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
  (connection.resumed ? worker.handshakes_resumed : worker.handshakes_full).add();
  co_return true;
}

enum class Spoken { nothing, http1, http2 };

// Without TLS: HTTP/2 begins with words that no HTTP/1 request does (RFC 9113 3.4).
Task<Spoken> first_words(Worker& worker, Connection& connection) {
  static constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  // Less than the buffer that HTTP/1 reads a head into.
  constexpr std::size_t kMost = 4 * 1024;
  const auto deadline = connection.accepted + worker.settings->timeouts.request;
  while (true) {
    const std::string_view words = as_text(connection.early);
    const std::size_t size = std::min(words.size(), kPreface.size());
    if (words.substr(0, size) != kPreface.substr(0, size)) co_return Spoken::http1;
    if (size == kPreface.size()) co_return Spoken::http2;
    if (!co_await connection.stream->wait_readable(deadline)) co_return Spoken::nothing;
    net::Buffer buffer = worker.core.buffers().take(net::BufferPool::Size::small);
    const auto read = connection.stream->try_read(buffer.span().first(kMost));
    if (!read) continue;
    if (!read->ok() || **read == 0) co_return Spoken::nothing;
    const auto got = buffer.span().first(**read);
    connection.early.insert(connection.early.end(), got.begin(), got.end());
  }
}

bool chose_http2(net::Stream& stream) {
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(stream.tls(), &chosen, &size);
  return as_text(ByteView(chosen, size)) == "h2";
}

Task<Spoken> arrive(Worker& worker, Connection& connection) {
  Arrival arrival(*connection.stream);
  worker.add(arrival);
  const Peer& peer = connection.peer;
  const bool introduced = peer.entrance->proxy_protocol_from.contains(peer.address);
  if (introduced) {
    if (!co_await be_introduced(worker, connection)) co_return Spoken::nothing;
  }
  if (peer.https) {
    if (!co_await shake_hands(worker, connection)) co_return Spoken::nothing;
    co_return chose_http2(*connection.stream) ? Spoken::http2 : Spoken::http1;
  }
  if (peer.entrance->http2_cleartext) co_return co_await first_words(worker, connection);
  co_return Spoken::http1;
}

Task<void> serve(Worker& worker, Connection connection) {
  const listen::Entrance& by = *connection.peer.entrance;
  // HTTP/1 and nothing before it: not even a frame for that.
  const bool plain = !connection.peer.https && by.proxy_protocol_from.empty() && !by.http2_cleartext;
  Spoken spoken = Spoken::http1;
  if (!plain) spoken = co_await arrive(worker, connection);
  if (spoken == Spoken::nothing) co_return;
  if (spoken == Spoken::http2) {
    co_await H2Session::serve(worker, std::move(connection));
    co_return;
  }
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
