#include "router/http/response_parser.hpp"

#include <doctest.h>

#include <array>
#include <utility>

#include "tests/router/http/heads.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

std::string verdict(std::string_view text, bool chop) {
  ResponseParser parser;
  for (std::size_t size = chop ? 1 : text.size(); size <= text.size(); ++size) {
    const std::string copy(text.substr(0, size));
    const auto done = parser.parse(as_bytes(copy));
    if (!done) return std::string(label(done.error()));
    if (*done) return "accepted";
  }
  return "incomplete";
}

}  // namespace

TEST_CASE("reads an answer's parts as views into the buffer") {
  const Response response(
      "HTTP/1.1 404 Not Found here\r\nX-Jitsi-Shard: shard-0\r\nConnection: close\r\n\r\nbody");

  CHECK(response.head().status == 404);
  CHECK(response.head().reason == "Not Found here");
  REQUIRE(response.head().headers.size() == 2);
  CHECK(response.head().headers[0].id == HeaderId::x_jitsi_shard);
  CHECK(response.head().size == response.text.size() - 4);
  CHECK_FALSE(keeps_alive(response.head()));
}

TEST_CASE("judges answers alike whole and byte by byte") {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 20> kCases = {{
      {"HTTP/1.1 200 OK\r\n\r\n", "accepted"},
      {"HTTP/1.0 200 OK\r\nA: b\r\n\r\n", "accepted"},
      {"HTTP/1.1 200 \r\n\r\n", "accepted"},
      {"HTTP/1.1 200\r\n\r\n", "accepted"},
      {"HTTP/1.1 599 Nobody knows\r\n\r\n", "accepted"},
      {"HTTP/1.1 200 OK\r\nA: b\r\n", "incomplete"},
      {"HTTP/2.0 200 OK\r\n\r\n", "status_line"},
      {"HTTP/1.2 200 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1  200 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1 20 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1 2000 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1 099 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1 600 OK\r\n\r\n", "status_line"},
      {"ICY 200 OK\r\n\r\n", "status_line"},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", "status_line"},
      {"HTTP/1.1 200 O\x01K\r\n\r\n", "status_line"},
      {"HTTP/1.1 200 OK\n\n", "line_end"},
      {"HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", "field_folded"},
      {"HTTP/1.1 200 OK\r\nA : b\r\n\r\n", "field_folded"},
      {"HTTP/1.1 200 OK\r\nA: b\x01\r\n\r\n", "field_value"},
  }};
  for (const auto& [text, expected] : kCases) {
    INFO("response: ", std::string(text));
    CHECK(verdict(text, false) == expected);
    CHECK(verdict(text, true) == expected);
  }
}

TEST_CASE("reads an interim answer and the one behind it") {
  const std::string text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n";
  ResponseParser parser;
  REQUIRE(*parser.parse(as_bytes(text)));
  CHECK(parser.head().status == 100);
  const std::size_t first = parser.head().size;

  parser.reset();
  REQUIRE(*parser.parse(as_bytes(text).subspan(first)));

  CHECK(parser.head().status == 200);
}

TEST_CASE("refuses an answer's head over 16 KiB") {
  CHECK(verdict("HTTP/1.1 200 OK\r\nA: " + std::string(17000, 'x'), false) == "head_too_large");
}
