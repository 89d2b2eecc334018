// The limits by name: what is counted, logged and said when one is met. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomgate::router::limits {

enum class Limit : std::uint8_t {
  connections_in_all,
  connections,
  handshakes,
  requests,
  new_rooms,
  tunnels_per_room
};
inline constexpr std::size_t kLimits = 6;

std::string_view setting_of(Limit limit);  // limits.per_address.connections
// The `reason` of roomgate_rejected_total; http::Reason has the same labels for those that get an answer.
std::string_view label_of(Limit limit);

// One line, each limit with a rate of its own: a flood at one does not hide the other.
void log_refusal(Limit limit, std::string_view client);

}  // namespace roomgate::router::limits
