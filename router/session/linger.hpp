// The last word on a connection whose client may still be sending. Closed at once it would answer with a
// reset, and the client might never read what it was told: so its bytes are taken for a while (RFC 9112 9.6).
// Runs in the connection's coroutine.
#pragma once

#include "base/net/stream.hpp"
#include "router/session/settings.hpp"

namespace roomgate::router::session {

// `limits` and the stream outlive it.
net::Task<void> linger(net::Stream& stream, const Limits& limits);

}  // namespace roomgate::router::session
