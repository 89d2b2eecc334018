// Who says where a room is that this gate does not hold: the replica that front doors agree by, on a core of
// its own. Implemented by the gate (router/cluster); asked on any core.
#pragma once

#include <string_view>

#include "base/net/core.hpp"
#include "base/net/task.hpp"
#include "peers-sync/types.hpp"

namespace roomgate::router::session {

// Each ends by itself, at peers.claim_timeout at the latest: Refusal::no_owner. Before an answer that names a
// home goes to the core that has asked, the implementation calls stick::Table::touch() for that key, on the
// replica's core and in the same step: from there on the room is in use here, and what the core has been told
// cannot be given back behind its back.
class Arbiter {
 public:
  virtual net::Task<peers_sync::Outcome> claim(net::Core& core, peers_sync::Claim claim) = 0;
  virtual net::Task<peers_sync::Outcome> elsewhere(net::Core& core, peers_sync::Elsewhere ask) = 0;
  virtual net::Task<peers_sync::Outcome> settle(net::Core& core, peers_sync::Settle settle) = 0;

 protected:
  ~Arbiter() = default;
};

}  // namespace roomgate::router::session
