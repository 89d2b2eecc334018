#include "router/listen/introduction.hpp"

#include "router/proxy_protocol/header.hpp"

namespace roomgate::router::listen {

net::Task<Result<Introduction, std::string_view>> read_introduction(net::Stream& stream, TimePoint deadline) {
  using namespace std::string_view_literals;
  net::Buffer buffer;
  std::size_t size = 0;
  while (true) {
    // A front that only connects, as health checks do, holds no buffer meanwhile.
    if (!buffer) {
      if (!co_await stream.wait_readable(deadline)) co_return fail("none came in time"sv);
      buffer = stream.core().buffers().take(net::BufferPool::Size::small);
    }
    const auto read = co_await stream.read_some(buffer.span().subspan(size), deadline);
    if (!read) co_return fail("it did not come in time"sv);
    if (*read == 0) co_return fail(size == 0 ? ""sv : "the connection ended in the middle of it"sv);
    size += *read;
    const ByteView bytes = buffer.span().first(size);
    const auto parsed = proxy_protocol::parse(bytes);
    if (!parsed) co_return fail(proxy_protocol::to_text(parsed.error()));
    if (!parsed->has_value()) continue;  // the buffer is larger than any header
    const proxy_protocol::Header& header = **parsed;
    const ByteView rest = bytes.subspan(header.size);
    co_return Introduction{header.source, header.tls, {rest.begin(), rest.end()}};
  }
}

}  // namespace roomgate::router::listen
