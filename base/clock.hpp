// Time: cores take `TimePoint now` and never read a clock; only I/O loops call Clock::now().
#pragma once

#include <chrono>

namespace roomgate {

using Clock = std::chrono::steady_clock;
using TimePoint = Clock::time_point;
using Duration = Clock::duration;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace roomgate
