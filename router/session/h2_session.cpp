#include "router/session/h2_session.hpp"

#include "base/encoding.hpp"
#include "base/log.hpp"
#include "base/random.hpp"
#include "router/http/error_response.hpp"
#include "router/http/response_parser.hpp"
#include "router/session/linger.hpp"

namespace roomgate::router::session {

using http::Reason;
using net::IoStatus;
using net::Task;

namespace {

// How long a client that was told to leave may take to answer our PINGs; with no hurry at all.
constexpr Duration kLeave = seconds(1);
constexpr Duration kWindDown = seconds(10);
// Reads in a row, before others get their turn.
constexpr int kReadsPerTurn = 4;

}  // namespace

// --- one stream: the client's side of its exchange

struct H2Session::StreamSide final : Requester {
  StreamSide(std::shared_ptr<H2Session> of_session, h2::Stream& of_stream)
      : session(*of_session),
        stream(of_stream),
        own(std::make_unique<H2Channel>(std::move(of_session), of_stream)) {}

  std::string_view protocol() const override { return "HTTP/2"; }
  net::Channel& channel() override { return *own; }
  Result<http::Framing, http::ParseError> framing_of(const http::RequestHead&) const override {
    return stream.request().framing();
  }
  http::Framing body_on_channel(http::Framing towards_shard) const override { return bare(towards_shard); }
  ByteSpan early_body() override { return {}; }
  void take_early(std::size_t) override {}
  void keep_rest(std::vector<std::uint8_t>) override {}

  http::Framing answer_on_channel(http::Framing from_shard) const override { return bare(from_shard); }
  ByteView answer_head(const http::ResponseHead& head, const http::ResponseRewrite& rewrite) override {
    const bool has_body = rewrite.framing.kind != http::Framing::Kind::none &&
                          (rewrite.framing.kind != http::Framing::Kind::length || rewrite.framing.length > 0);
    session.http2_.answer(stream, head, rewrite, has_body);
    session.flush_soon();
    return {};
  }
  Task<IoStatus> interim(const http::ResponseHead& head, Duration) override {
    session.http2_.interim(stream, head);
    session.flush_soon();
    co_return IoStatus();
  }
  void answer_complete() override {
    session.http2_.end(stream);
    session.flush_soon();
  }
  Task<IoStatus> own_answer(std::string_view text, Duration stall) override {
    const std::string_view body = own_head(text);
    if (!body.empty()) {
      if (const auto sent = co_await own->write_all(as_bytes(body), stall); !sent)
        co_return fail(sent.error());
    }
    answer_complete();
    co_return IoStatus();
  }
  Task<IoStatus> switched(const http::ResponseHead& head, const http::ResponseRewrite& rewrite,
                          Duration) override {
    session.http2_.answer(stream, head, rewrite, true);
    session.flush_soon();
    co_return IoStatus();
  }
  Handover take_over() override {
    own->set_exchange(nullptr);
    return {std::move(own), std::nullopt};
  }

  // DATA frames are the framing: a body without a length ends with its stream.
  static http::Framing bare(http::Framing framing) {
    if (framing.kind == http::Framing::Kind::chunked) return {http::Framing::Kind::until_close, 0};
    return framing;
  }
  // There is one text for every answer of ours; here it is read as a shard's would be.
  std::string_view own_head(std::string_view text) {
    http::ResponseParser parser;
    const auto read = parser.parse(as_bytes(text));
    if (!read || !*read) return {};
    const std::string_view body = text.substr(parser.head().size);
    http::ResponseRewrite rewrite;
    if (!body.empty()) rewrite.framing = {http::Framing::Kind::length, body.size()};
    session.http2_.answer(stream, parser.head(), rewrite, !body.empty());
    return body;
  }

  H2Session& session;
  h2::Stream& stream;
  std::unique_ptr<H2Channel> own;
};

Task<void> H2Session::serve_stream(std::shared_ptr<H2Session> self, h2::Stream& stream, bool first) {
  StreamSide side(self, stream);
  H2Channel& channel = *side.own;
  Exchange exchange(self->worker_, self->connection_, side, first);
  channel.set_exchange(&exchange);
  if (const auto refused = stream.request().refused()) {
    co_await exchange.refuse_head(http::reason_of(*refused));
  } else {
    if (stream.request().websocket()) {
      std::array<std::uint8_t, 16> nonce;
      random_bytes(nonce);
      stream.request().set_websocket_key(to_base64(nonce));
    }
    (void)co_await exchange.respond(stream.head());
  }
  // A tunnel's channel goes on by itself, and has been told.
  if (side.own != nullptr) channel.set_exchange(nullptr);
}

// --- the connection

Task<void> H2Session::serve(Worker& worker, Connection connection) {
  auto self = std::make_shared<H2Session>(worker, std::move(connection));
  co_await self->run();
}

H2Session::H2Session(Worker& worker, Connection connection)
    : worker_(worker),
      connection_(std::move(connection)),
      settings_(worker.settings),
      pool_(worker.http2_pool()),
      http2_(pool_),
      output_gone_(worker.core),
      idle_since_(worker.core.now()),
      leave_patience_(kLeave) {
  worker.add(*this);
}

H2Session::~H2Session() = default;

void H2Session::leave_when_idle() {
  if (closed_) return;
  leave_patience_ = kLeave;
  left_at_ = worker_.core.now();
  http2_.leave();
  flush_soon();
  // The reader has a new deadline.
  connection_.stream->cancel_read();
}

void H2Session::wind_down() {
  if (closed_) return;
  leave_patience_ = kWindDown;
  left_at_ = worker_.core.now();
  // A client that has read it opens no more streams and closes; those that are on their way are served.
  http2_.give_notice();
  flush_soon();
  connection_.stream->cancel_read();
}

void H2Session::leave_now() {
  connection_.stream->interrupt();
  output_gone_.wake({});
  end_streams();
}

void H2Session::rooms_moved(const MovedRooms& moved) {
  http2_.each_working([&moved](h2::Stream& stream) {
    if (stream.owner != nullptr) static_cast<H2Channel*>(stream.owner)->rooms_moved(moved);
  });
}

Task<void> H2Session::run() {
  flush_soon();  // our settings
  if (worker_.draining) leave_when_idle();
  if (worker_.winding_down) wind_down();
  if (!connection_.early.empty()) {
    const auto early = std::exchange(connection_.early, {});
    take(early);
  }
  Ended ended = Ended::no;
  while (ended == Ended::no) ended = co_await read_on();
  if (const auto flood = http2_.flood()) {
    worker_.shared.metrics.h2_floods.with({h2::label(*flood)}).add();
    LOG(warn, "h2_flood", {"client", connection_.peer.ip}, {"kind", h2::label(*flood)});
  }
  end_streams();
  flush();
  if (ended == Ended::by_us) {
    if (writing_) (void)co_await output_gone_.wait(worker_.core.now() + settings_->limits.linger);
    co_await linger(*connection_.stream, settings_->limits);
  } else {
    connection_.stream->shutdown_write();
  }
  closed_ = true;
  connection_.stream->interrupt();
}

// When to look again. While requests are under way they have deadlines of their own; that they have ended is
// seen a little late, which saves a timer for each.
TimePoint H2Session::patience() const {
  const auto& timeouts = settings_->timeouts;
  const auto now = worker_.core.now();
  if (left_at_ != TimePoint::max()) return now + leave_patience_;
  const auto idle = http2_.requests() == 0 ? timeouts.request : timeouts.keep_alive;
  const auto until = http2_.working() > 0 ? now + idle : idle_since_ + idle;
  return http2_.in_head() ? std::min(until, head_since_ + timeouts.request) : until;
}

H2Session::Ended H2Session::out_of_patience() {
  const auto& timeouts = settings_->timeouts;
  const auto now = worker_.core.now();
  if (http2_.in_head() && now >= head_since_ + timeouts.request) {
    // No stream is there yet on which it could be told.
    worker_.shared.metrics.rejected.with({http::describe(Reason::head_timeout).label}).add();
    http2_.close(NGHTTP2_ENHANCE_YOUR_CALM);
    return Ended::by_us;
  }
  if (http2_.working() > 0) return Ended::no;
  const auto idle = http2_.requests() == 0 ? timeouts.request : timeouts.keep_alive;
  const bool left = left_at_ != TimePoint::max() && now >= left_at_ + leave_patience_;
  if (!left && now < idle_since_ + idle) return Ended::no;
  http2_.close(NGHTTP2_NO_ERROR);
  return Ended::by_us;
}

Task<H2Session::Ended> H2Session::read_on() {
  net::Stream& stream = *connection_.stream;
  if (!http2_.accepts_input() && !writing_) flush();
  if (stream.interrupted()) co_return Ended::by_client;
  if (writing_ && !http2_.accepts_input()) {
    // The client must first read what it is told; whoever writes watches how long that takes.
    (void)co_await output_gone_.wait(TimePoint::max());
    co_return Ended::no;
  }
  if (http2_.ending() || http2_.finished()) co_return Ended::by_us;
  const auto ready = co_await stream.wait_readable(patience());
  if (!ready) {
    if (ready.error() == net::IoError::timed_out) co_return out_of_patience();
    co_return stream.interrupted() ? Ended::by_client : Ended::no;  // no: told to look anew
  }
  for (int reads = 0; reads < kReadsPerTurn && http2_.accepts_input(); ++reads) {
    net::Buffer buffer = worker_.core.buffers().take(net::BufferPool::Size::small);
    const auto read = stream.try_read(buffer.span());
    if (!read) break;
    if (!read->ok() || **read == 0) co_return Ended::by_client;
    take(buffer.span().first(**read));
    if (**read < buffer.size()) break;
  }
  co_return Ended::no;
}

void H2Session::take(ByteView bytes) {
  const auto now = worker_.core.now();
  const bool in_head = http2_.in_head();
  http2_.receive(bytes, now);
  if (!in_head && http2_.in_head()) head_since_ = now;
  dispatch();
  flush_soon();
}

void H2Session::dispatch() {
  while (const h2::Event event = http2_.next_event()) {
    h2::Stream& stream = *event.stream;
    if ((event.what & h2::Event::request) != 0) {
      if ((event.what & h2::Event::broken) != 0) {
        // Taken back before anybody looked at it.
        http2_.release(stream);
        continue;
      }
      worker_.core.spawn(serve_stream(shared_from_this(), stream, http2_.requests() == 1));
      // It may have ended already; what else there is to know it has seen for itself.
      continue;
    }
    auto& channel = *static_cast<H2Channel*>(stream.owner);
    if ((event.what & h2::Event::broken) != 0) {
      channel.on_gone();
      continue;
    }
    if ((event.what & h2::Event::readable) != 0) channel.on_readable();
    if ((event.what & h2::Event::writable) != 0) channel.on_writable();
  }
}

void H2Session::end_streams() {
  http2_.each_working([](h2::Stream& stream) {
    if (stream.owner != nullptr) static_cast<H2Channel*>(stream.owner)->on_gone();
  });
}

void H2Session::stream_done() {
  if (http2_.working() == 0) idle_since_ = worker_.core.now();
}

// --- output

void H2Session::flush_soon() {
  if (!closed_ && !writing_) worker_.core.at_end_of_turn(*this);
}

void H2Session::on_turn() {
  const auto self = shared_from_this();
  flush();
  if (http2_.finished() && !writing_) connection_.stream->cancel_read();
}

void H2Session::flush() {
  if (writing_ || closed_) return;
  net::Stream& stream = *connection_.stream;
  std::string& out = pool_->output();
  bool more = true;
  while (more) {
    out.clear();
    more = http2_.pull(out, worker_.core.now());
    const auto sent = stream.write_some(as_bytes(out));
    if (!sent) return;  // whoever reads will see it
    if (*sent < out.size()) {
      unsent_.assign(out, *sent);
      writing_ = true;
      dispatch();
      worker_.core.spawn(write_rest(shared_from_this()));
      return;
    }
  }
  dispatch();
}

Task<void> H2Session::write_rest(std::shared_ptr<H2Session> self) {
  net::Stream& stream = *self->connection_.stream;
  const auto stall = self->settings_->timeouts.client;
  const auto sent = co_await stream.write_all(as_bytes(self->unsent_), stall);
  self->unsent_ = std::string();
  self->writing_ = false;
  if (!sent) {
    // It takes nothing, or is gone.
    stream.interrupt();
  } else {
    self->flush_soon();
  }
  self->output_gone_.wake({});
}

}  // namespace roomgate::router::session
