#include "router/session/h2_channel.hpp"

#include "router/session/h2_session.hpp"

namespace roomgate::router::session {

using net::IoError;
using net::IoResult;
using net::IoStatus;
using net::Task;

H2Channel::H2Channel(std::shared_ptr<H2Session> session, h2::Stream& stream)
    : Channel(session->core()),
      session_(std::move(session)),
      stream_(&stream),
      reader_(core_),
      writer_(core_) {
  stream.owner = this;
}

H2Channel::~H2Channel() { close(); }

std::optional<IoResult> H2Channel::try_read(ByteSpan into) {
  if (interrupted_ || stream_ == nullptr) return fail(IoError::interrupted);
  // Also what came before the client broke off.
  if (stream_->readable() > 0) {
    const std::size_t size = session_->http2().read(*stream_, into);
    session_->flush_soon();  // the window that this opens
    return size;
  }
  if (gone_ || stream_->broken()) return fail(IoError::closed);
  if (stream_->request_ended()) return std::size_t{0};
  return std::nullopt;
}

net::Channel::Readiness H2Channel::ready_to_read() {
  if (interrupted_ || stream_ == nullptr) return {fail(IoError::interrupted)};
  if (gone_ || stream_->broken() || stream_->readable() > 0 || stream_->request_ended()) return {};
  return {{}, &reader_};
}

Task<IoStatus> H2Channel::write_all(std::span<const ByteView> parts, Duration stall) {
  write_waited_ = false;
  for (ByteView part : parts) {
    while (true) {
      if (interrupted_ || stream_ == nullptr) co_return fail(IoError::interrupted);
      if (gone_ || stream_->broken()) co_return fail(IoError::closed);
      const std::size_t taken = session_->http2().write(*stream_, part);
      session_->flush_soon();
      part = part.subspan(taken);
      if (part.empty()) break;
      write_waited_ = true;
      const auto ready = co_await writer_.wait(core_.now() + stall);
      if (!ready) co_return fail(ready.error());
    }
  }
  co_return IoStatus();
}

void H2Channel::shutdown_write() {
  if (stream_ == nullptr) return;
  session_->http2().end(*stream_);
  session_->flush_soon();
}

void H2Channel::interrupt() {
  if (interrupted_) return;
  interrupted_ = true;
  reader_.wake(fail(IoError::interrupted));
  writer_.wake(fail(IoError::interrupted));
}

void H2Channel::cancel_read() { reader_.wake(fail(IoError::interrupted)); }

void H2Channel::on_gone() {
  gone_ = true;
  if (exchange_ != nullptr) exchange_->client_gone();
  reader_.wake({});
  writer_.wake({});
}

void H2Channel::rooms_moved(const MovedRooms& moved) {
  if (exchange_ != nullptr) exchange_->rooms_moved(moved);
}

void H2Channel::close() {
  interrupt();
  if (stream_ == nullptr) return;
  h2::Stream& stream = *std::exchange(stream_, nullptr);
  // RFC 8441 5: a tunnel that broke is a stream that was cancelled.
  if (stream.request().websocket() && !stream.answer_ended())
    session_->http2().abort(stream, NGHTTP2_CANCEL);
  else if (aborts_)
    session_->http2().abort(stream);
  session_->http2().release(stream);
  session_->flush_soon();
  session_->stream_done();
}

}  // namespace roomgate::router::session
