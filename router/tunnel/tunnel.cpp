#include "router/tunnel/tunnel.hpp"

#include <array>
#include <optional>

#include "base/net/sleep.hpp"
#include "base/random.hpp"

namespace roomgate::router::tunnel {

using net::Buffer;
using net::BufferPool;
using net::Channel;
using net::IoError;
using net::IoStatus;
using net::Task;

std::string_view to_string(End end) {
  switch (end) {
    case End::both_closed: return "closed";
    case End::idle: return "idle";
    case End::stalled: return "stalled";
    case End::broken: return "broken";
    case End::interrupted: return "drained";
    case End::moved: return "moved";
  }
  return "unknown";
}

Tunnel::Tunnel(net::Core& core, std::unique_ptr<Channel> client, std::unique_ptr<Channel> shard,
               const Limits& limits, Owner& owner)
    : core_(core),
      owner_(owner),
      limits_(limits),
      client_(std::move(client)),
      shard_(std::move(shard)),
      up_(*this, *client_, *shard_),
      down_(*this, *shard_, *client_),
      last_activity_(core.now()) {}

void Tunnel::start(std::vector<std::uint8_t> from_client, std::vector<std::uint8_t> from_shard) {
  core_.spawn(first_write(up_, std::move(from_client)));
  core_.spawn(first_write(down_, std::move(from_shard)));
}

Task<void> Tunnel::first_write(Pump& pump, std::vector<std::uint8_t> bytes) {
  if (!bytes.empty()) {
    pump.bytes += bytes.size();
    pump.frames.pass(bytes);
    const auto sent = co_await pump.to.write_all(bytes, limits_.stall);
    if (!written(pump, sent)) co_return;
  }
  move(pump);
}

void Tunnel::on_ready(Pump& pump, IoStatus result) {
  if (result) return move(pump);
  if (result.error() == IoError::timed_out) {
    // The other direction may have been busy meanwhile: silence counts only on both.
    if (core_.now() - last_activity_ < limits_.idle) return move(pump);
    end(End::idle);
  } else if (result.error() == IoError::interrupted && farewell_ != nullptr && !ended_) {
    return move(pump);  // only woken: it is time for a Close
  } else {
    end(End::broken);
  }
  finish(pump);
}

void Tunnel::move(Pump& pump) {
  // A source that never runs dry: others have their turn after so much.
  constexpr int kReads = 16;
  for (int reads = 0;; ++reads) {
    if (pump.close == Pump::Close::due && pump.frames.between()) {
      return core_.spawn(last_write(pump, Buffer(), 0, 0));
    }
    const auto ready = pump.from.ready_to_read();
    if (ready.later != nullptr) return ready.later->call(pump, last_activity_ + limits_.idle);
    if (!ready.now) {
      end(End::broken);
      return finish(pump);
    }
    if (reads == kReads) return core_.spawn(go_on_later(pump));
    Buffer buffer = core_.buffers().take(pump.bulk ? BufferPool::Size::large : BufferPool::Size::small);
    const auto read = pump.from.try_read(buffer.span());
    if (!read) continue;
    if (!read->ok()) {
      end(End::broken);
      return finish(pump);
    }
    const std::size_t size = **read;
    if (size == 0) {
      pump.to.shutdown_write();
      return finish(pump);
    }
    last_activity_ = core_.now();
    pump.bytes += size;
    const ByteView bytes = buffer.span().first(size);
    switch (pump.close) {
      case Pump::Close::none: pump.frames.pass(bytes); break;
      case Pump::Close::due: {
        const std::size_t of_frame = pump.frames.pass_frame(bytes);
        if (pump.frames.between()) return core_.spawn(last_write(pump, std::move(buffer), of_frame, size));
        break;
      }
      case Pump::Close::said:
        // RFC 6455 5.5.1: nothing follows a Close. It is read on for the other's.
        pump.frames.pass(bytes);
        if (parted()) return part(pump);
        continue;
    }
    const auto sent = pump.to.write_some(buffer.span().first(size));
    if (!sent) {
      end(End::broken);
      return finish(pump);
    }
    if (*sent < size) return core_.spawn(finish_write(pump, std::move(buffer), *sent, size));
    pump.bulk = size == buffer.size() || size > BufferPool::kSmall;
  }
}

Task<void> Tunnel::go_on_later(Pump& pump) {
  co_await net::yield(core_);
  move(pump);
}

Task<void> Tunnel::finish_write(Pump& pump, Buffer buffer, std::size_t at, std::size_t end) {
  const auto sent = co_await pump.to.write_all(buffer.span().subspan(at, end - at), limits_.stall);
  const bool waited = pump.to.write_waited();
  pump.bulk = !waited && (end == buffer.size() || end > BufferPool::kSmall);
  buffer.release();
  if (written(pump, sent)) move(pump);
}

void Tunnel::leave(End why, std::uint16_t code) {
  if (ended_ || farewell_ != nullptr) return;
  farewell_ = std::make_unique<Farewell>(*this, code);
  why_ = why;
  // It is ending anyway, and one side cannot be told any more.
  if (up_.done || down_.done) return end(why);
  core_.schedule(*farewell_, core_.now() + limits_.farewell);
  down_.close = Pump::Close::due;
  down_.from.cancel_read();
}

Task<void> Tunnel::last_write(Pump& pump, Buffer buffer, std::size_t of_frame, std::size_t read) {
  const bool to_shard = &pump == &up_;
  const CloseFrame close(farewell_->code, to_shard ? std::optional(random_u32()) : std::nullopt);
  std::array<ByteView, 2> parts;
  std::size_t count = 0;
  if (of_frame > 0) parts[count++] = buffer.span().first(of_frame);
  if (!pump.frames.closed()) parts[count++] = close.bytes();
  // The last of what was read with it is dropped, but for the news that the other has closed.
  if (buffer) pump.frames.pass(buffer.span().subspan(of_frame, read - of_frame));
  if (count > 0) {
    const auto sent = co_await pump.to.write_all(std::span(parts).first(count), limits_.stall);
    buffer.release();
    if (!written(pump, sent)) co_return;
  }
  pump.close = Pump::Close::said;
  if (!to_shard) {
    up_.close = Pump::Close::due;
    up_.from.cancel_read();
  }
  if (parted()) co_return part(pump);
  move(pump);
}

bool Tunnel::parted() const {
  const auto over = [](const Pump& pump) { return pump.close == Pump::Close::said && pump.frames.closed(); };
  return over(up_) && over(down_);
}

void Tunnel::part(Pump& pump) {
  client_->shutdown_write();
  shard_->shutdown_write();
  end(why_);
  finish(pump);
}

bool Tunnel::written(Pump& pump, IoStatus result) {
  if (result) return true;
  end(result.error() == IoError::timed_out ? End::stalled : End::broken);
  finish(pump);
  return false;
}

void Tunnel::finish(Pump& pump) {
  pump.done = true;
  if (up_.done && down_.done) {
    half_open_.reset();
    core_.soon(*this);
    return;
  }
  if (ended_) return;
  half_open_ = std::make_unique<HalfOpen>(*this);
  half_open_->patience = &pump == &up_ ? limits_.server_fin : limits_.client_fin;
  core_.schedule(*half_open_, core_.now() + half_open_->patience);
}

void Tunnel::HalfOpen::on_expire() {
  const auto due = tunnel.last_activity_ + patience;
  if (due <= tunnel.core_.now()) return tunnel.end(End::idle);
  tunnel.core_.schedule(*this, due);
}

// Whoever waits hears of it at the end of this turn.
void Tunnel::end(End why) {
  if (ended_) return;
  ended_ = true;
  if (farewell_ == nullptr) why_ = why;
  client_->interrupt();
  shard_->interrupt();
}

void Tunnel::on_turn() { owner_.on_end({.up = up_.bytes, .down = down_.bytes, .end = why_}); }

}  // namespace roomgate::router::tunnel
