#include "router/h2/pool.hpp"

#include <new>

#include "router/h2/callbacks.hpp"

namespace roomgate::router::h2 {
namespace {

constexpr std::size_t kKeptStreams = 512;
constexpr std::size_t kUsualBytes = 4 * 1024;

nghttp2_session_callbacks* make_callbacks() {
  nghttp2_session_callbacks* made = nullptr;
  if (nghttp2_session_callbacks_new(&made) != 0) throw std::bad_alloc();
  return made;
}

nghttp2_option* make_option() {
  nghttp2_option* made = nullptr;
  if (nghttp2_option_new(&made) != 0) throw std::bad_alloc();
  return made;
}

}  // namespace

void ByteQueue::add(ByteView bytes) {
  if (begin_ == bytes_.size()) {
    bytes_.clear();
    begin_ = 0;
  } else if (begin_ > kUsualBytes && begin_ > bytes_.size() / 2) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  bytes_.append(as_text(bytes));
}

void ByteQueue::drop(std::size_t count) {
  begin_ += count;
  if (begin_ == bytes_.size()) {
    bytes_.clear();
    begin_ = 0;
  }
}

void ByteQueue::reset() {
  if (bytes_.capacity() > kUsualBytes) bytes_ = std::string();
  bytes_.clear();
  begin_ = 0;
}

void Stream::reset() {
  owner = nullptr;
  id_ = 0;
  request_.reset();
  in_.reset();
  out_.reset();
  events_ = 0;
  queued_ = headed_ = request_ended_ = answer_begun_ = answer_ended_ = answer_sent_ = has_provider_ = false;
  deferred_ = writer_waits_ = broken_ = closed_ = working_ = false;
}

Pool::Pool(const Limits& limits) : limits_(limits), callbacks_(make_callbacks()), option_(make_option()) {
  Callbacks::set(callbacks_.get());
  nghttp2_option* option = option_.get();
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_option_set_no_closed_streams(option, 1);
  nghttp2_option_set_max_settings(option, limits.settings_entries);
  // Beyond what Limits let through: those name and count what happens. (libnghttp2 takes every piece of a
  // CONTINUATION's head for a frame.)
  nghttp2_option_set_max_outbound_ack(option, 4 * limits.queued_frames);
  nghttp2_option_set_max_continuations(option, 9 * (limits.continuations + 1));
  nghttp2_option_set_stream_reset_rate_limit(option, UINT32_MAX, UINT32_MAX);
}

std::unique_ptr<Stream> Pool::take() {
  if (spare_.empty()) return std::make_unique<Stream>();
  auto stream = std::move(spare_.back());
  spare_.pop_back();
  return stream;
}

void Pool::give_back(std::unique_ptr<Stream> stream) {
  if (spare_.size() >= kKeptStreams) return;
  stream->reset();
  spare_.push_back(std::move(stream));
}

}  // namespace roomgate::router::h2
