#include "router/session/relay.hpp"

#include "base/net/sleep.hpp"

namespace roomgate::router::session {

using net::Buffer;
using net::BufferPool;
using net::IoError;
using net::Task;

Relay::Relay(net::Channel& from, net::Channel& to, http::Framing reads, http::Framing writes,
             RelayLimits limits)
    : from_(from),
      to_(to),
      reader_(reads),
      writer_(writes),
      limits_(limits),
      started_(from.core().now()),
      last_progress_(started_) {}

Task<std::optional<RelayEnd>> Relay::start(ByteView head, ByteSpan first) {
  const auto step = reader_.next(first);
  if (!step) co_return RelayEnd::source_bad;
  consumed_ = step->consumed;
  bytes_ += step->payload.size();
  if (bytes_ > limits_.max_bytes) co_return RelayEnd::too_large;
  std::array<ByteView, net::Channel::kMaxParts> parts{};
  std::size_t count = 0;
  if (!head.empty()) parts[count++] = head;
  const auto framed = writer_.frame(step->payload, reader_.done());
  for (const ByteView part : framed.span()) parts[count++] = part;
  if (count > 0) {
    const auto sent = co_await to_.write_all({parts.data(), count}, limits_.write_stall);
    if (!sent) co_return sent.error() == IoError::timed_out ? RelayEnd::sink_silent : RelayEnd::sink_broke;
  }
  if (reader_.done()) co_return RelayEnd::complete;
  co_return std::nullopt;
}

Task<std::optional<RelayEnd>> Relay::pass(ByteSpan input) {
  const auto step = reader_.next(input);
  if (!step) co_return RelayEnd::source_bad;
  if (step->consumed < input.size()) {
    const auto rest = input.subspan(step->consumed);
    rest_.assign(rest.begin(), rest.end());
  }
  bytes_ += step->payload.size();
  if (bytes_ > limits_.max_bytes) co_return RelayEnd::too_large;
  const auto framed = writer_.frame(step->payload, reader_.done());
  if (framed.count > 0) {
    const auto sent = co_await to_.write_all(framed.span(), limits_.write_stall);
    if (!sent) co_return sent.error() == IoError::timed_out ? RelayEnd::sink_silent : RelayEnd::sink_broke;
  }
  if (reader_.done()) co_return RelayEnd::complete;
  co_return std::nullopt;
}

bool Relay::too_slow(TimePoint now) const {
  if (limits_.min_bytes_per_second == 0 || now - started_ < limits_.min_rate_after) return false;
  const auto elapsed = std::chrono::duration_cast<milliseconds>(now - started_).count();
  return bytes_ < limits_.min_bytes_per_second * static_cast<std::uint64_t>(elapsed) / 1000;
}

Task<RelayEnd> Relay::run() {
  // A source that never runs dry, and a sink that takes all: others have their turn after so much.
  constexpr int kReads = 16;
  auto size = BufferPool::Size::small;
  int reads = 0;
  while (true) {
    if (++reads > kReads) {
      co_await net::yield(from_.core());
      reads = 0;
    }
    Buffer buffer = from_.core().buffers().take(size);
    const auto read = from_.try_read(buffer.span().first(reader_.want(buffer.size())));
    if (!read) {
      buffer.release();
      reads = 0;
      size = BufferPool::Size::small;
      const auto ready = co_await from_.wait_readable(from_.core().now() + limits_.read_silence);
      if (ready) continue;
      co_return ready.error() == IoError::timed_out ? RelayEnd::source_silent : RelayEnd::source_broke;
    }
    if (!read->ok()) co_return RelayEnd::source_broke;
    last_progress_ = from_.core().now();
    if (**read == 0) {
      if (!reader_.ends_with_connection()) co_return RelayEnd::source_ended;
      reader_.connection_ended();
    } else if (too_slow(last_progress_)) {
      co_return RelayEnd::source_silent;
    }
    const bool filled = **read == buffer.size();
    if (const auto end = co_await pass(buffer.span().first(**read))) co_return *end;
    last_progress_ = from_.core().now();
    // Bulk gets large buffers while the receiver keeps up; what may hold the next message's start stays
    // small, so that it fits a head's buffer.
    const bool bulk = (filled || **read > BufferPool::kSmall) && !to_.write_waited();
    size = bulk && !small_reads_ ? BufferPool::Size::large : BufferPool::Size::small;
  }
}

}  // namespace roomgate::router::session
