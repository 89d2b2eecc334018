// A connection from accept to the first word of its protocol: a PROXY header, TLS, then HTTP/1 or HTTP/2 by
// what ALPN agreed on. Each runs as one coroutine on its worker's core, to the connection's end.
#pragma once

#include "router/session/worker.hpp"

namespace roomgate::router::session {

// Takes the descriptor over.
void receive(Worker& worker, listen::Newcomer newcomer);

}  // namespace roomgate::router::session
