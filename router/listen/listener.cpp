#include "router/listen/listener.hpp"

#include <unistd.h>

namespace roomgate::router::listen {

using limits::Limit;

bool Admission::enter() {
  if (inside_.fetch_add(1, std::memory_order_relaxed) < limit_.load(std::memory_order_relaxed)) return true;
  leave();
  return false;
}

Result<limits::Ticket, Limit> admit(limits::Gatekeeper& gatekeeper, const Entrance& entrance,
                                    const Address& client, TimePoint now) {
  if (entrance.is_front(client)) return limits::Ticket();
  auto ticket = gatekeeper.connection(client, now);
  if (!ticket) return fail(Limit::connections);
  if (entrance.contexts != nullptr && !gatekeeper.handshake(*ticket, now)) return fail(Limit::handshakes);
  return std::move(*ticket);
}

Listener::Listener(net::Core& core, int descriptor, std::shared_ptr<const Entrance> entrance,
                   Admission& admission, limits::Gatekeeper& gatekeeper, Metrics& metrics,
                   OnConnection on_connection)
    : core_(core),
      entrance_(std::move(entrance)),
      admission_(admission),
      gatekeeper_(gatekeeper),
      accepted_(metrics.accepted.with({})),
      on_connection_(std::move(on_connection)),
      acceptor_(core, descriptor,
                [this](int accepted_one, const Address& from) { accepted(accepted_one, from); }) {
  for (const Limit limit : {Limit::connections_in_all, Limit::connections, Limit::handshakes}) {
    refused_[static_cast<std::size_t>(limit)] = &metrics.rejected.with({limits::label_of(limit)});
  }
}

void Listener::accepted(int descriptor, const Address& from) {
  accepted_.add();
  auto ticket = admit(gatekeeper_, *entrance_, from, core_.now());
  if (!ticket) return refuse(descriptor, from, ticket.error());
  if (!admission_.enter()) return refuse(descriptor, from, Limit::connections_in_all);
  on_connection_({descriptor, from, entrance_, std::move(ticket).value()});
}

void Listener::refuse(int descriptor, const Address& from, Limit limit) {
  // No answer: with TLS it would cost a handshake, and that is what an attacker wants to buy.
  ::close(descriptor);
  refused_[static_cast<std::size_t>(limit)]->add();
  limits::log_refusal(limit, from.ip());
}

}  // namespace roomgate::router::listen
