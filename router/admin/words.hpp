// How numbers are written for people, on the page and on the command line alike. Pure; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace roomgate::router::admin {

// 12s, 3m12s, 5h02m, 3d04h
std::string age(std::chrono::seconds time);
std::string percent(double share);           // 0.42 -> 42%
std::string rate(double per_second);         // 0, 3.2, 1234
std::string milliseconds_text(double time);  // 0.21 ms, 34 ms
// 1 room, 2 rooms
std::string counted(std::uint64_t count, std::string_view one);

}  // namespace roomgate::router::admin
