// A run's summary in the three forms people and machines read. Pure functions; any thread.
#pragma once

#include <string>

#include "bench/roomload/report/summary.hpp"

namespace roomgate::bench::roomload::report {

// For a terminal, at most 100 columns, no colours.
std::string table(const Summary& summary);
// One object; times in milliseconds, rates in bit/s, shares from 0 to 1.
std::string json(const Summary& summary);
// One file that needs nothing else: plots as SVG, light and dark.
std::string html(const Summary& summary);
// One object on a line; a latency is [microseconds, how many], shortest first.
std::string moment(const Moment& moment);
// One line while it runs.
std::string progress(const Point& point, std::uint32_t asked);

}  // namespace roomgate::bench::roomload::report
