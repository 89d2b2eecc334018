// Figures as people read them: three digits and a unit. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::report {

// Such as 1,234,567.
std::string count(std::uint64_t value);
// Three digits: 4.28, 31.5, 812.
std::string digits(double value);
// 0.4 ms, 31.5 ms, 2.31 s.
std::string time(Duration value);
double milliseconds_of(Duration value);
// 0 %, 0.012 %, 4.3 %. What is more than nothing is never shown as 0 %.
std::string percent(double share);
std::string percent(std::uint64_t part, std::uint64_t whole);
// 812 kbit/s, 2.5 Mbit/s.
std::string bitrate(double bits_per_second);
// 1 person, 2 people.
std::string people(std::uint64_t number);
std::string plural(std::uint64_t number, std::string_view one, std::string_view many);
// 0:07, 12:30, 1:00:00.
std::string clock_time(Duration value);

}  // namespace roomgate::bench::roomload::report
