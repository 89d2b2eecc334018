// The lines of a HAProxy configuration as words, by the rules of its manual, "Quoting and escaping": what is
// a comment, what a quote, what a backslash keeps. Nothing is known of their meaning here. Any thread; owns
// what it returns.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace roomgate::conf::haproxy {

struct Limits {
  std::size_t file_bytes = 4 * 1024 * 1024;
  std::size_t lines = 100'000;
  std::size_t line_bytes = 16 * 1024;
  std::size_t words = 256;  // of one line
};

struct Line {
  int number = 0;
  std::vector<std::string> words;  // at least one
  std::string text;                // as it stands in the file, without the blanks around it
  bool has_variable = false;       // "$NAME" or "${NAME}" in double quotes; kept in the word as it is
  bool conditional = false;        // a line of .if ... .endif, or such a word itself
  bool malformed = false;          // a quote that does not end, or bytes that are no UTF-8
};

// Lines that are blank or only a comment are left out. The error is a sentence that begins with the line.
Result<std::vector<Line>, std::string> read_lines(std::string_view text, const Limits& limits = {});

}  // namespace roomgate::conf::haproxy
