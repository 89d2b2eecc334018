// What the command line reads and shows: times as the API writes them, and names from outside in a form that
// a terminal cannot be fooled by. Pure; main's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate::router::cli {

// "2026-01-31T09:08:07.123Z" as the API writes it.
std::optional<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

// Room names are hostile text: control and formatting characters (escape sequences, reversed writing) and
// what is no UTF-8 become U+FFFD.
std::string printable(std::string_view text);
// In columns of a terminal.
std::size_t width(std::string_view printable_text);
// At most so many columns, with an ellipsis where something is cut.
std::string cut(std::string_view printable_text, std::size_t columns);

}  // namespace roomgate::router::cli
