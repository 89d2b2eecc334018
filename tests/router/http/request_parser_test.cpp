#include "router/http/request_parser.hpp"

#include <doctest.h>

#include <array>
#include <memory>
#include <utility>

#include "tests/router/http/heads.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

TEST_CASE("reads a request's parts as views into the buffer") {
  const Request request(
      "GET /meet/room?x=1 HTTP/1.1\r\nHost: example.org:8443\r\nCookie:  a=b \r\nConnection: close, "
      "Upgrade\r\n\r\nrest");

  const RequestHead& head = request.head();
  CHECK(head.method == Method::get);
  CHECK(head.method_text == "GET");
  CHECK(head.target.form == TargetForm::origin);
  CHECK(head.target.path == "/meet/room");
  CHECK(head.target.query == "x=1");
  CHECK(head.authority == "example.org:8443");
  CHECK(head.minor_version == 1);
  REQUIRE(head.headers.size() == 3);
  CHECK(head.headers[1].value == "a=b");
  CHECK(head.connection.close);
  CHECK(head.connection.upgrade);
  CHECK(head.size == request.text.size() - 4);
  CHECK_FALSE(keeps_alive(head));
}

TEST_CASE("judges requests alike whole and byte by byte") {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 74> kCases = {{
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", "accepted"},
      {"PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"GET HTTPS://b?x HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"GET /a|b^c?[]{}\\ HTTP/1.1\r\nHost: a\r\n\r\n", "accepted"},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "accepted"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "accepted"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \xc3\xbc\t\"\r\n\r\n", "accepted"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX-Long-Name_.!#$%&'*+-^`|~: v\r\n\r\n", "accepted"},
      {"GET / HTTP/1.1\r\nHost: a\r\n", "incomplete"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r", "incomplete"},
      {"\r\n", "incomplete"},
      {"\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "empty_lines"},
      {"GET / HTTP/1.1\nHost: a\n\n", "line_end"},
      {"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\n", "line_end"},
      {"GET / HTTP/1.1\r\nHost: a\rb\r\n\r\n", "line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rGET", "line_end"},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rX", "line_end"},
      {"\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "line_end"},
      {"\n", "request_line"},
      {"GET /\r\n\r\n", "request_line"},
      {"GET\r\n\r\n", "request_line"},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", "request_line"},
      {"\x16\x03\x01", "request_line"},
      {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", "request_line"},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET / HTTP/+1.1\r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET / ICE/1.0\r\nHost: a\r\n\r\n", "version_syntax"},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", "version_unsupported"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version_unsupported"},
      {"get / HTTP/1.1\r\nHost: a\r\n\r\n", "method_unknown"},
      {"MKCOLA / HTTP/1.1\r\nHost: a\r\n\r\n", "method_unknown"},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused"},
      {"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "method_refused"},
      {"PRI * HTTP/1.1\r\n\r\n", "method_refused"},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET /\xc3\xb2 HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET ftp://b/ HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET b/x HTTP/1.1\r\nHost: a\r\n\r\n", "target_syntax"},
      {"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "field_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX\x01: b\r\n\r\n", "field_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nno colon here\r\n\r\n", "field_folded"},
      {"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", "field_name"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "field_folded"},
      {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "field_folded"},
      {"GET / HTTP/1.1\r\n\tHost", "field_folded"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: \x0b"
       "chunked\r\n\r\n",
       "field_value"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\x7f\r\n\r\n", "field_value"},
      {"GET / HTTP/1.1\r\n\r\n", "host_missing"},
      // At the first byte that nothing can make good, not at the end of its line or head.
      {"GET / HTTP/2", "incomplete"},
      {"GET / HTTP/5.6", "version_unsupported"},
      {"GET /a\x7f", "target_syntax"},
      {"BREW", "incomplete"},
      {"BREW ", "method_unknown"},
      {"GET / HTTP/1.1\r\nX: a\x01", "field_value"},
      {"PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n", "content_length"},
      {"PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n", "transfer_encoding_version"},
      {"GET / HTTP/1.0\r\n\r\n", "host_missing"},
      {"GET http://a/ HTTP/1.1\r\n\r\n", "host_missing"},
      {"GET / HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n", "host_repeated"},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nConnection: "
       "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,"
       "25,26,27,28,29,30,31,32,33\r\n\r\n",
       "field_value"},
  }};
  for (const auto& [text, expected] : kCases) {
    INFO("request: ", std::string(text));
    CHECK(request_verdict(text) == expected);
    CHECK(request_verdict_byte_by_byte(text) == expected);
  }
}

TEST_CASE("refuses a NUL anywhere in a head") {
  for (std::string_view place :
       {"GET /\1 HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX\1: b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX: \1\r\n\r\n"}) {
    std::string text(place);
    text[text.find('\1')] = '\0';
    CHECK(request_verdict(text) != "accepted");
    CHECK(request_verdict(text) != "incomplete");
  }
}

TEST_CASE("takes one host in authority syntax") {
  for (std::string_view good :
       {"a", "a.b-c.example", "0.0.0.0=5000", "a:1", "a:65535", "[::1]", "[fe80::1]:80", "a_b"}) {
    const std::string text = "GET / HTTP/1.1\r\nHost: " + std::string(good) + "\r\n\r\n";
    CHECK_MESSAGE(request_verdict(text) == "accepted", good);
  }
  for (std::string_view bad : {"",      "a b",  "a,b",  "a/b",     "a@b", "a:",     "a:0",        "a:65536",
                               "a:80x", "a:b",  ":80",  "[::1",    "[a]", "[::1]x", "[]",         "a#b",
                               "a?b",   "a\\b", "a%00", "a:80:80", "::1", "a:+80",  "[127.0.0.1]"}) {
    const std::string text = "GET / HTTP/1.1\r\nHost: " + std::string(bad) + "\r\n\r\n";
    CHECK_MESSAGE(request_verdict(text) == "host_syntax", bad);
  }
}

TEST_CASE("an absolute target says whom the request is for, whatever Host says") {
  const Request request("GET http://real.example:8080?hail=all HTTP/1.1\r\nHost: other.example\r\n\r\n");

  CHECK(request.head().authority == "real.example:8080");
  CHECK(request.head().target.path == "/");
  CHECK(request.head().target.query == "hail=all");
}

TEST_CASE("refuses what is over its limits, before it is complete") {
  const std::string long_target = "GET /" + std::string(8192, 'a');
  CHECK(request_verdict(long_target + " HTTP/1.1\r\nHost: a\r\n\r\n") == "target_too_long");
  CHECK(request_verdict(long_target + std::string(100, 'a')) == "target_too_long");
  CHECK(request_verdict("GET /" + std::string(8191, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n") == "accepted");

  std::string many = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (int i = 0; i < 99; ++i) many += "X: y\r\n";
  CHECK(request_verdict(many + "\r\n") == "accepted");
  CHECK(request_verdict(many + "X: y\r\n") == "too_many_fields");

  const std::string large = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  CHECK(request_verdict(large + std::string(16384 - large.size(), 'x')) == "head_too_large");
  CHECK(request_verdict(large + std::string(16384 - large.size() - 4, 'x') + "\r\n\r\n") == "accepted");
  CHECK(request_verdict(large + std::string(16384 - large.size() - 3, 'x') + "\r\n\r\n") == "head_too_large");

  CHECK(request_verdict("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(256, 'n') + ": y\r\n\r\n") ==
        "accepted");
  CHECK(request_verdict("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(257, 'n') + ": y\r\n\r\n") ==
        "field_name");
}

TEST_CASE("reads the next request from the same connection after a reset") {
  const std::string text =
      "GET /1 HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /2 HTTP/1.1\r\nHost: b\r\nExpect: 100-Continue\r\n\r\n";
  RequestParser parser;
  REQUIRE(*parser.parse(as_bytes(text)));
  CHECK(parser.head().target.path == "/1");
  CHECK_FALSE(parser.head().expects_continue);
  const std::size_t first = parser.head().size;

  parser.reset();
  CHECK(parser.idle(as_bytes("\r\n")));
  REQUIRE(*parser.parse(as_bytes(text).subspan(first)));

  CHECK(parser.head().target.path == "/2");
  CHECK(parser.head().authority == "b");
  CHECK(parser.head().expects_continue);
  CHECK_FALSE(parser.idle(as_bytes("")));
}

TEST_CASE("makes its views anew when the buffer has moved") {
  const std::string text = "GET /room?x=1 HTTP/1.1\r\nHost: example\r\nA: b\r\n\r\n";
  RequestParser parser;
  auto first = std::make_unique<std::string>(text.substr(0, 40));
  REQUIRE_FALSE(*parser.parse(as_bytes(*first)));
  const std::string second = text;
  first.reset();

  REQUIRE(*parser.parse(as_bytes(second)));

  CHECK(parser.head().target.path == "/room");
  CHECK(parser.head().target.path.data() == second.data() + 4);
  CHECK(parser.head().headers[1].name.data() == second.data() + second.find("A:"));
}
