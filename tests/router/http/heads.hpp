// Heads from text, for the tests of this folder: the text has to outlive what is made of it.
#pragma once

#include <doctest.h>

#include <ostream>
#include <string>
#include <string_view>

#include "router/http/request_parser.hpp"
#include "router/http/response_parser.hpp"

namespace roomgate::router::http {

inline std::ostream& operator<<(std::ostream& out, ParseError error) { return out << label(error); }

struct Request {
  std::string text;
  RequestParser parser;

  explicit Request(std::string bytes, Limits limits = {}) : text(std::move(bytes)), parser(limits) {
    const auto done = parser.parse(as_bytes(text));
    INFO("request: ", text);
    REQUIRE(done.ok());
    REQUIRE(*done);
  }
  const RequestHead& head() const { return parser.head(); }
};

struct Response {
  std::string text;
  ResponseParser parser;

  explicit Response(std::string bytes) : text(std::move(bytes)) {
    const auto done = parser.parse(as_bytes(text));
    INFO("response: ", text);
    REQUIRE(done.ok());
    REQUIRE(*done);
  }
  const ResponseHead& head() const { return parser.head(); }
};

// How a request ends up: "accepted", "incomplete", or the error's label.
inline std::string request_verdict(std::string_view text, Limits limits = {}) {
  RequestParser parser(limits);
  const auto done = parser.parse(as_bytes(text));
  if (!done) return std::string(label(done.error()));
  return *done ? "accepted" : "incomplete";
}

inline std::string request_verdict_byte_by_byte(std::string_view text, Limits limits = {}) {
  RequestParser parser(limits);
  for (std::size_t size = 1; size <= text.size(); ++size) {
    const std::string copy(text.substr(0, size));  // elsewhere each time, as a growing buffer may be
    const auto done = parser.parse(as_bytes(copy));
    if (!done) return std::string(label(done.error()));
    if (*done) return "accepted";
  }
  return "incomplete";
}

}  // namespace roomgate::router::http
