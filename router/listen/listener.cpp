#include "router/listen/listener.hpp"

#include <unistd.h>

#include "base/log.hpp"

namespace roomgate::router::listen {

bool Admission::enter() {
  if (inside_.fetch_add(1, std::memory_order_relaxed) < limit_.load(std::memory_order_relaxed)) return true;
  leave();
  return false;
}

Listener::Listener(net::Core& core, int descriptor, std::shared_ptr<const Entrance> entrance,
                   Admission& admission, Metrics& metrics, OnConnection on_connection)
    : entrance_(std::move(entrance)),
      admission_(admission),
      metrics_(metrics),
      accepted_(metrics.accepted.with({})),
      on_connection_(std::move(on_connection)),
      acceptor_(core, descriptor,
                [this](int accepted_one, const Address& from) { accepted(accepted_one, from); }) {}

void Listener::accepted(int descriptor, const Address& from) {
  accepted_.add();
  if (!admission_.enter()) {
    // No answer: with TLS it would cost a handshake, and that is what an attacker wants to buy.
    metrics_.rejected.with({"connections"}).add();
    LOG(warn, "connection_refused", {"reason", "limits.connections"}, {"inside", admission_.inside()});
    ::close(descriptor);
    return;
  }
  on_connection_(descriptor, from, entrance_);
}

}  // namespace roomgate::router::listen
