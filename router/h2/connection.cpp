#include "router/h2/connection.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "router/h2/callbacks.hpp"

namespace roomgate::router::h2 {

Connection::Connection(std::shared_ptr<Pool> pool) : pool_(std::move(pool)) {
  nghttp2_session* made = nullptr;
  if (nghttp2_session_server_new2(&made, pool_->callbacks(), this, pool_->option()) != 0)
    throw std::bad_alloc();
  session_.reset(made);
  const std::array<nghttp2_settings_entry, 5> settings = {{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits().streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits().stream_window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, static_cast<std::uint32_t>(limits().head.max_head_bytes)},
      {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
      // RFC 9218 2.1: nobody sends the old priorities any more, and keeping their tree costs time.
      {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
  }};
  if (nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) != 0 ||
      nghttp2_session_set_local_window_size(made, NGHTTP2_FLAG_NONE, 0,
                                            static_cast<std::int32_t>(limits().connection_window)) != 0) {
    throw std::bad_alloc();
  }
}

Connection::~Connection() {
  session_.reset();
  for (auto& stream : streams_) pool_->give_back(std::move(stream));
}

void Connection::receive(ByteView bytes, TimePoint now) {
  now_ = now;
  if (ending_) return;
  for (ByteView ahead = bytes; const auto frame = frames_.next(ahead);) {
    const auto error = judge(*frame);
    if (!error) continue;
    // What came before it counts.
    constexpr std::size_t kHead = 9;
    const std::size_t seen = bytes.size() - ahead.size();
    feed(bytes.first(seen - std::min(seen, kHead)));
    return terminate(*error);
  }
  feed(bytes);
}

void Connection::feed(ByteView bytes) {
  const ssize_t used = nghttp2_session_mem_recv(session_.get(), bytes.data(), bytes.size());
  if (used >= 0) return;
  if (flood_) return terminate(NGHTTP2_ENHANCE_YOUR_CALM);
  switch (used) {
    // Bounds of libnghttp2's own, wider than ours.
    case NGHTTP2_ERR_FLOODED: flood_ = Flood::settings; return terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_TOO_MANY_CONTINUATIONS:
      flood_ = Flood::continuation;
      return terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    case NGHTTP2_ERR_BAD_CLIENT_MAGIC: return terminate(NGHTTP2_PROTOCOL_ERROR);
    default: return terminate(NGHTTP2_INTERNAL_ERROR);
  }
}

std::optional<std::uint32_t> Connection::judge(const FrameHead& frame) {
  if (!within_rates(frame)) return NGHTTP2_ENHANCE_YOUR_CALM;
  // We do without these priorities, but what is no frame is none (RFC 9113 6.3, RFC 7540 5.3.1).
  const bool whole = frame.type != NGHTTP2_PRIORITY || frame.length == 5;
  if (whole && frame.depends_on_itself) return NGHTTP2_PROTOCOL_ERROR;
  if (whole && frame.type == NGHTTP2_PRIORITY && frame.stream == 0) return NGHTTP2_PROTOCOL_ERROR;
  return client_streams_.judge(frame);
}

bool Connection::within_rates(const FrameHead& frame) {
  constexpr std::uint8_t kPriorityUpdate = 0x10;  // RFC 9218 7.1
  const auto within = [this](Flood flood) { return count(flood) == 0; };
  switch (frame.type) {
    case NGHTTP2_DATA:
      return !frame.empty || (frame.flags & NGHTTP2_FLAG_END_STREAM) != 0 || within(Flood::empty);
    case NGHTTP2_HEADERS:
      continuations_ = 0;
      trailer_bytes_ = 0;
      return true;
    case NGHTTP2_CONTINUATION:
      if (++continuations_ > limits().continuations) return flooded(Flood::continuation) == 0;
      return !frame.empty || within(Flood::empty);
    case NGHTTP2_PRIORITY:
    case kPriorityUpdate: return within(Flood::priority);
    case NGHTTP2_RST_STREAM: return within(Flood::reset);
    case NGHTTP2_SETTINGS: return (frame.flags & NGHTTP2_FLAG_ACK) != 0 || within(Flood::settings);
    case NGHTTP2_PING: return within(Flood::ping);
    case NGHTTP2_WINDOW_UPDATE:
      return floods_.take_window_update(limits(), now_) || flooded(Flood::window_update) == 0;
    default: return within(Flood::other);
  }
}

bool Connection::accepts_input() const {
  return !ending_ && nghttp2_session_get_outbound_queue_size(session_.get()) < limits().queued_frames;
}

void Connection::terminate(std::uint32_t error) {
  ending_ = true;
  (void)nghttp2_session_terminate_session(session_.get(), error);
}

int Connection::flooded(Flood flood) {
  if (!flood_) flood_ = flood;
  return NGHTTP2_ERR_CALLBACK_FAILURE;
}

int Connection::count(Flood flood) { return floods_.take(flood, limits(), now_) ? 0 : flooded(flood); }

void Connection::notify(Stream& stream, std::uint8_t what) {
  stream.events_ |= what;
  if (stream.queued_ || !stream.working_) return;
  stream.queued_ = true;
  ready_.push_back(&stream);
}

Event Connection::next_event() {
  while (ready_at_ < ready_.size()) {
    Stream& stream = *ready_[ready_at_++];
    stream.queued_ = false;
    const std::uint8_t what = stream.events_;
    stream.events_ = 0;
    if (stream.working_) return {&stream, what};
    recycle(stream);
  }
  ready_.clear();
  ready_at_ = 0;
  return {};
}

Stream* Connection::open_stream(std::int32_t id) {
  if (working_ >= limits().streams) return nullptr;
  auto stream = pool_->take();
  stream->id_ = id;
  stream->index_ = streams_.size();
  streams_.push_back(std::move(stream));
  return streams_.back().get();
}

// Back to the pool, when neither libnghttp2 nor a worker nor the list of events knows it any more.
void Connection::recycle(Stream& stream) {
  if (!stream.closed_ || stream.working_ || stream.queued_) return;
  const std::size_t index = stream.index_;
  auto mine = std::move(streams_[index]);
  if (index + 1 < streams_.size()) {
    streams_[index] = std::move(streams_.back());
    streams_[index]->index_ = index;
  }
  streams_.pop_back();
  pool_->give_back(std::move(mine));
}

void Connection::drop_input(Stream& stream) {
  const std::size_t left = stream.in_.size();
  if (left == 0) return;
  stream.in_.reset();
  (void)nghttp2_session_consume(session_.get(), stream.id_, left);
}

void Connection::drop_output(Stream& stream) {
  queued_ -= stream.out_.size();
  stream.out_.reset();
}

std::size_t Connection::read(Stream& stream, ByteSpan into) {
  const std::size_t size = std::min(into.size(), stream.in_.size());
  if (size == 0) return 0;
  std::memcpy(into.data(), stream.in_.front().data(), size);
  stream.in_.drop(size);
  (void)nghttp2_session_consume(session_.get(), stream.id_, size);
  return size;
}

std::size_t Connection::room(const Stream& stream) const {
  const std::size_t here = stream.out_.size();
  const std::size_t own = here < limits().stream_queue ? limits().stream_queue - here : 0;
  const std::size_t all = queued_ < limits().connection_queue ? limits().connection_queue - queued_ : 0;
  const std::size_t least = here < limits().least_queue ? limits().least_queue - here : 0;
  return std::max(std::min(own, all), least);
}

void Connection::resume(Stream& stream) {
  if (!stream.deferred_) return;
  stream.deferred_ = false;
  (void)nghttp2_session_resume_data(session_.get(), stream.id_);
}

std::size_t Connection::write(Stream& stream, ByteView bytes) {
  if (stream.broken_ || !stream.has_provider_ || stream.answer_ended_) return bytes.size();
  const std::size_t size = std::min(bytes.size(), room(stream));
  if (size > 0) {
    stream.out_.add(bytes.first(size));
    queued_ += size;
    resume(stream);
  }
  if (size < bytes.size() && !stream.writer_waits_) {
    stream.writer_waits_ = true;
    ++waiting_writers_;
  }
  return size;
}

void Connection::end(Stream& stream) {
  if (stream.answer_ended_) return;
  stream.answer_ended_ = true;
  resume(stream);
}

void Connection::abort(Stream& stream, std::uint32_t error) {
  if (stream.closed_ || stream.answer_sent_) return;
  drop_output(stream);
  stream.answer_ended_ = true;
  (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, error);
}

void Connection::release(Stream& stream) {
  if (!stream.working_) return;
  stream.working_ = false;
  stream.owner = nullptr;
  --working_;
  if (stream.writer_waits_) {
    stream.writer_waits_ = false;
    --waiting_writers_;
  }
  drop_input(stream);
  if (!stream.closed_) {
    if (!stream.answer_ended_) {
      abort(stream);
    } else if (stream.answer_sent_ && !stream.request_ended_) {
      (void)nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream.id_, NGHTTP2_NO_ERROR);
    }
  }
  recycle(stream);
}

void Connection::wake_writers() {
  if (waiting_writers_ == 0) return;
  for (const auto& stream : streams_) {
    // Not for every few bytes: a writer that wakes wants to write something.
    if (!stream->writer_waits_ || room(*stream) < std::min(limits().least_queue, limits().stream_queue))
      continue;
    stream->writer_waits_ = false;
    --waiting_writers_;
    notify(*stream, Event::writable);
  }
}

bool Connection::wants_output() const { return nghttp2_session_want_write(session_.get()) != 0; }

bool Connection::pull(std::string& out, TimePoint now) {
  now_ = now;
  pulling_ = &out;
  pull_until_ = out.size() + limits().output;
  while (out.size() < pull_until_) {
    const std::uint8_t* bytes = nullptr;
    // DATA goes to `out` from inside (send_data); what is returned is all else.
    const ssize_t size = nghttp2_session_mem_send(session_.get(), &bytes);
    if (size > 0) out.append(as_text(ByteView(bytes, static_cast<std::size_t>(size))));
    if (size < 0) terminate(NGHTTP2_INTERNAL_ERROR);
    const bool end_now = flood_ && !ending_;
    if (end_now) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
    if (size < 0 || (size == 0 && !end_now)) break;
  }
  pulling_ = nullptr;
  wake_writers();
  return wants_output() && out.size() >= pull_until_;
}

void Connection::leave() {
  if (leaving_) return;
  leaving_ = true;
  (void)nghttp2_submit_shutdown_notice(session_.get());
  (void)nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
}

void Connection::give_notice() {
  if (leaving_) return;
  leaving_ = true;
  (void)nghttp2_submit_shutdown_notice(session_.get());
}

bool Connection::finished() const {
  return nghttp2_session_want_read(session_.get()) == 0 && !wants_output();
}

}  // namespace roomgate::router::h2
