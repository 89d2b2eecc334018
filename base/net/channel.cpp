#include "base/net/channel.hpp"

#include <array>

namespace roomgate::net {

Task<IoResult> Channel::read_some(ByteSpan into, TimePoint deadline) {
  while (true) {
    if (auto result = try_read(into)) co_return *result;
    if (const auto ready = co_await wait_readable(deadline); !ready) co_return fail(ready.error());
  }
}

Task<IoStatus> Channel::write_all(ByteView bytes, Duration stall) {
  const std::array<ByteView, 1> parts{bytes};
  co_return co_await write_all(parts, stall);
}

}  // namespace roomgate::net
