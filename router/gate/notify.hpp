// What systemd wants to hear (sd_notify(3)): a datagram to the socket it named. Nothing where there is none.
#pragma once

#include <string_view>

namespace roomgate::router::gate {

// "READY=1", "STOPPING=1", lines of it.
void notify_supervisor(std::string_view words);
// RELOADING=1, with the time that goes with it.
void notify_reloading();

}  // namespace roomgate::router::gate
