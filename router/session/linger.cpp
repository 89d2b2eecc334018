#include "router/session/linger.hpp"

namespace roomgate::router::session {

net::Task<void> linger(net::Stream& stream, const Limits& limits) {
  stream.shutdown_write();
  const auto deadline = stream.core().now() + limits.linger;
  std::size_t taken = 0;
  while (taken < limits.linger_bytes) {
    if (!co_await stream.wait_readable(deadline)) co_return;
    net::Buffer buffer = stream.core().buffers().take(net::BufferPool::Size::small);
    const auto read = stream.try_read(buffer.span());
    if (!read) continue;
    if (!read->ok() || **read == 0) co_return;
    taken += **read;
  }
}

}  // namespace roomgate::router::session
