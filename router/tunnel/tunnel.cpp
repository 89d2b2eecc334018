#include "router/tunnel/tunnel.hpp"

namespace roomgate::router::tunnel {

using net::Buffer;
using net::BufferPool;
using net::Channel;
using net::IoError;
using net::Task;

std::string_view to_string(End end) {
  switch (end) {
    case End::both_closed: return "closed";
    case End::idle: return "idle";
    case End::stalled: return "stalled";
    case End::broken: return "broken";
    case End::interrupted: return "drained";
  }
  return "unknown";
}

Tunnel::Tunnel(net::Core& core, std::unique_ptr<Channel> client, std::unique_ptr<Channel> shard,
               Limits limits)
    : core_(core),
      client_(std::move(client)),
      shard_(std::move(shard)),
      limits_(limits),
      last_activity_(core.now()),
      half_open_(*this),
      done_(core) {}

void Tunnel::end(End why) {
  if (ended_) return;
  ended_ = true;
  totals_.end = why;
  client_->interrupt();
  shard_->interrupt();
}

void Tunnel::interrupt() { end(End::interrupted); }

Task<Totals> Tunnel::run(std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard) {
  running_ = 2;
  core_.spawn(pump(*client_, *shard_, totals_.up, std::move(from_client)));
  co_await pump(*shard_, *client_, totals_.down, std::move(from_shard));
  (void)co_await done_.wait(TimePoint::max());
  co_return totals_;
}

Task<void> Tunnel::pump(Channel& from, Channel& to, std::uint64_t& count, std::vector<std::uint8_t> first) {
  co_await move_bytes(from, to, count, std::move(first));
  if (--running_ == 0) {
    half_open_.cancel();
    done_.set();
  } else {
    half_open_.patience = &from == client_.get() ? limits_.server_fin : limits_.client_fin;
    core_.schedule(half_open_, core_.now() + half_open_.patience);
  }
}

void Tunnel::HalfOpen::on_expire() {
  const auto due = tunnel.last_activity_ + patience;
  if (due <= tunnel.core_.now()) return tunnel.end(End::idle);
  tunnel.core_.schedule(*this, due);
}

Task<void> Tunnel::move_bytes(Channel& from, Channel& to, std::uint64_t& count,
                              std::vector<std::uint8_t> first) {
  if (!first.empty()) {
    count += first.size();
    if (const auto sent = co_await to.write_all(first, limits_.stall); !sent) {
      co_return end(sent.error() == IoError::timed_out ? End::stalled : End::broken);
    }
    first = {};
  }
  auto size = BufferPool::Size::small;
  while (true) {
    const auto ready = co_await from.wait_readable(last_activity_ + limits_.idle);
    if (!ready) {
      if (ready.error() != IoError::timed_out) co_return end(End::broken);
      // The other direction may have been busy meanwhile: silence counts only on both.
      if (core_.now() - last_activity_ < limits_.idle) continue;
      co_return end(End::idle);
    }
    Buffer buffer = core_.buffers().take(size);
    const auto read = from.try_read(buffer.span());
    if (!read) continue;
    if (!read->ok()) co_return end(End::broken);
    if (**read == 0) {
      to.shutdown_write();
      co_return;
    }
    last_activity_ = core_.now();
    count += **read;
    const auto sent = co_await to.write_all(buffer.span().first(**read), limits_.stall);
    if (!sent) co_return end(sent.error() == IoError::timed_out ? End::stalled : End::broken);
    // Bulk gets large buffers, as long as the receiver keeps up: many slow ones must not hold much.
    size = **read == buffer.size() && !to.write_waited() ? BufferPool::Size::large : BufferPool::Size::small;
    if (buffer.size() == BufferPool::kLarge && **read > BufferPool::kSmall && !to.write_waited()) {
      size = BufferPool::Size::large;
    }
  }
}

}  // namespace roomgate::router::tunnel
