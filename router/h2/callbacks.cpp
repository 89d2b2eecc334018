#include "router/h2/callbacks.hpp"

#include <algorithm>

namespace roomgate::router::h2 {
namespace {

Connection& connection_of(void* self) { return *static_cast<Connection*>(self); }

Stream* stream_of(nghttp2_session* session, std::int32_t id) {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
}

std::string_view text(const std::uint8_t* at, std::size_t size) { return as_text(ByteView(at, size)); }

}  // namespace

void Callbacks::set(nghttp2_session_callbacks* callbacks) {
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
  nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, on_invalid_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
  nghttp2_session_callbacks_set_send_data_callback(callbacks, send_data);
}

int Callbacks::on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
  Connection& c = connection_of(self);
  const std::int32_t id = frame->hd.stream_id;
  if (c.leaving_ && c.last_stream_told_) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  Stream* stream = c.open_stream(id);
  if (stream == nullptr) {
    (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, id, NGHTTP2_REFUSED_STREAM);
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }
  (void)nghttp2_session_set_stream_user_data(session, id, stream);
  return 0;
}

int Callbacks::on_header(nghttp2_session* session, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* self) {
  Connection& c = connection_of(self);
  Stream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  if (stream->headed_) {
    // Trailers are dropped, as they are in HTTP/1; their size is bounded all the same.
    c.trailer_bytes_ += name_size + value_size;
    return c.trailer_bytes_ > 4 * c.limits().head.max_head_bytes ? c.flooded(Flood::header_list) : 0;
  }
  switch (stream->request_.add(text(name, name_size), text(value, value_size), c.limits().head)) {
    case Request::Verdict::good: return 0;
    case Request::Verdict::flood: return c.flooded(Flood::header_list);
    case Request::Verdict::malformed: break;
  }
  (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_PROTOCOL_ERROR);
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

// libnghttp2 would drop such a field and go on; who drops what the next reader keeps is how requests are
// smuggled. This makes it a stream error.
int Callbacks::on_invalid_header(nghttp2_session*, const nghttp2_frame*, const std::uint8_t*, std::size_t,
                                 const std::uint8_t*, std::size_t, std::uint8_t, void*) {
  return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int Callbacks::on_data_chunk(nghttp2_session* session, std::uint8_t, std::int32_t id,
                             const std::uint8_t* data, std::size_t size, void* self) {
  Connection& c = connection_of(self);
  Stream* stream = stream_of(session, id);
  if (stream == nullptr || !stream->working_) {
    // Nobody will take it: it must not hold the connection's window.
    (void)nghttp2_session_consume(session, id, size);
    return 0;
  }
  stream->in_.add({data, size});
  c.notify(*stream, Event::readable);
  return 0;
}

int Callbacks::request_complete(nghttp2_session* session, const nghttp2_frame& frame, Connection& c,
                                Stream& stream) {
  const bool ended = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  stream.headed_ = true;
  if (stream.request_.finish(ended) != Request::Verdict::good) {
    (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_PROTOCOL_ERROR);
    return 0;
  }
  stream.request_ended_ = ended;
  stream.working_ = true;
  ++c.working_;
  ++c.requests_;
  c.notify(stream, Event::request);
  return 0;
}

int Callbacks::on_frame_recv(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  Connection& c = connection_of(self);
  const bool last = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  switch (frame->hd.type) {
    case NGHTTP2_HEADERS:
    case NGHTTP2_DATA: {
      Stream* stream = stream_of(session, frame->hd.stream_id);
      if (stream == nullptr) return 0;
      if (frame->hd.type == NGHTTP2_HEADERS && !stream->headed_)
        return request_complete(session, *frame, c, *stream);
      if (last) {
        stream->request_ended_ = true;
        c.notify(*stream, Event::readable);
      }
      return 0;
    }
    case NGHTTP2_PING:
      if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0 || !c.leaving_ || c.last_stream_told_) return 0;
      if (!c.notice_read_) {
        // The client has read our notice and opens no more streams. But its answer may have overtaken those
        // that it had opened and not sent yet (nghttp2 itself sends in that order): once more, and they are
        // here.
        c.notice_read_ = true;
        (void)nghttp2_submit_ping(session, NGHTTP2_FLAG_NONE, nullptr);
      } else {
        c.last_stream_told_ = true;
        (void)nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
                                    nghttp2_session_get_last_proc_stream_id(session), NGHTTP2_NO_ERROR,
                                    nullptr, 0);
      }
      return 0;
    default: return 0;
  }
}

int Callbacks::on_frame_send(nghttp2_session* session, const nghttp2_frame* frame, void* self) {
  Connection& c = connection_of(self);
  if (frame->hd.type == NGHTTP2_RST_STREAM) {
    switch (frame->rst_stream.error_code) {
      case NGHTTP2_NO_ERROR:
      case NGHTTP2_INTERNAL_ERROR:
      case NGHTTP2_CANCEL: return 0;
      default: break;  // the client's doing
    }
    const Flood kind = frame->rst_stream.error_code == NGHTTP2_REFUSED_STREAM ? Flood::refused : Flood::error;
    (void)c.count(kind);
    return 0;
  }
  const bool carries = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (!carries || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
  Stream* stream = stream_of(session, frame->hd.stream_id);
  if (stream == nullptr) return 0;
  stream->answer_sent_ = true;
  // RFC 9113 8.1: the answer is whole, the rest of the request is not wanted.
  if (!stream->request_ended_ && !stream->working_)
    (void)nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream->id_, NGHTTP2_NO_ERROR);
  return 0;
}

int Callbacks::on_stream_close(nghttp2_session* session, std::int32_t id, std::uint32_t error, void* self) {
  Connection& c = connection_of(self);
  Stream* stream = stream_of(session, id);
  if (stream == nullptr) return 0;
  stream->closed_ = true;
  c.drop_output(*stream);
  const bool whole = stream->answer_sent_ && stream->request_ended_;
  if (!whole || error != NGHTTP2_NO_ERROR) {
    // A page that goes says its last words on its WebSocket and then cancels the stream: they still count. An
    // unfinished request does not.
    if (!stream->request_.websocket()) c.drop_input(*stream);
    stream->broken_ = true;
    if (stream->working_) c.notify(*stream, Event::broken);
  }
  c.recycle(*stream);
  return 0;
}

nghttp2_data_provider Callbacks::provider(Stream& stream) {
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = read_answer;
  return provider;
}

ssize_t Callbacks::read_answer(nghttp2_session*, std::int32_t, std::uint8_t*, std::size_t room,
                               std::uint32_t* flags, nghttp2_data_source* source, void*) {
  Stream& stream = *static_cast<Stream*>(source->ptr);
  const std::size_t size = std::min(room, stream.out_.size());
  const bool last = stream.answer_ended_ && size == stream.out_.size();
  if (size == 0 && !last) {
    stream.deferred_ = true;
    return NGHTTP2_ERR_DEFERRED;
  }
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (last) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(size);
}

int Callbacks::send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* header, std::size_t size,
                         nghttp2_data_source* source, void* self) {
  constexpr std::size_t kFrameHeader = 9;
  Connection& c = connection_of(self);
  Stream& stream = *static_cast<Stream*>(source->ptr);
  c.pulling_->append(text(header, kFrameHeader));
  c.pulling_->append(as_text(stream.out_.front().first(size)));
  stream.out_.drop(size);
  c.queued_ -= size;
  c.floods_.sent_data(size);
  return c.pulling_->size() < c.pull_until_ ? 0 : NGHTTP2_ERR_PAUSE;
}

}  // namespace roomgate::router::h2
