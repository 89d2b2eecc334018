// A connection from accept to the first word of its protocol: TLS, then HTTP/1 or HTTP/2 by what ALPN agreed
// on. Each runs as one coroutine on its worker's core, to the connection's end.
#pragma once

#include "router/session/worker.hpp"

namespace roomgate::router::session {

// Takes the descriptor over.
void receive(Worker& worker, int descriptor, const Address& from,
             std::shared_ptr<const listen::Entrance> entrance);

}  // namespace roomgate::router::session
