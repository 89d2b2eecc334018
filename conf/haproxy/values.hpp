// What HAProxy writes as one word: times, sizes, addresses, and the answers that a check expects. Pure; any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::conf::haproxy {

std::optional<std::int64_t> number_of(std::string_view text);  // not negative
// "500", "500ms", "2s", "1d": milliseconds where no unit is given. At most a year; to the millisecond.
std::optional<Duration> time_of(std::string_view text);
// "2k" is 2048.
std::optional<std::int64_t> size_of(std::string_view text);

// Where somebody listens or answers.
struct Place {
  std::string host;  // an address without brackets, or a name
  std::uint16_t port = 0;
  bool is_name = false;
  bool is_any_v6 = false;

  std::string to_string() const;  // HOST:PORT, [ADDRESS]:PORT
};
// "10.0.0.1:80", ":80", "*:80", "[::]:80", "ipv4@...", and for servers "web.example:80". nullopt: a socket
// file, a descriptor, a range of ports, a port relative to another.
std::optional<Place> place_of(std::string_view text);

// "200", "200,204", "200-399" and the regular expressions that people write for them: "^2", "^[23]..",
// "(2|3)\d\d". Empty: not understood.
std::vector<std::string> statuses_of(std::string_view text);
std::vector<std::string> statuses_of_expression(std::string_view text);

}  // namespace roomgate::conf::haproxy
