#include "router/limits/refusal.hpp"

#include "base/log.hpp"

namespace roomgate::router::limits {

std::string_view setting_of(Limit limit) {
  switch (limit) {
    case Limit::connections_in_all: return "limits.connections";
    case Limit::connections: return "limits.per_address.connections";
    case Limit::handshakes: return "limits.per_address.handshakes";
    case Limit::requests: return "limits.per_address.requests";
    case Limit::new_rooms: return "limits.per_address.new_rooms";
    case Limit::tunnels_per_room: return "limits.tunnels_per_room";
  }
  return "";
}

std::string_view label_of(Limit limit) {
  switch (limit) {
    case Limit::connections_in_all: return "connections";
    case Limit::connections: return "connections_limited";
    case Limit::handshakes: return "handshakes_limited";
    case Limit::requests: return "rate_limited";
    case Limit::new_rooms: return "new_rooms_limited";
    case Limit::tunnels_per_room: return "tunnels_limited";
  }
  return "";
}

void log_refusal(Limit limit, std::string_view client) {
  static std::array<log::Site, kLimits> sites;
  if (!log::enabled(log::Level::warn)) return;
  log::write(log::Level::warn, sites[static_cast<std::size_t>(limit)], "limit_met",
             {{"limit", setting_of(limit)}, {"client", client}});
}

}  // namespace roomgate::router::limits
