#include "router/http/framing.hpp"

#include <doctest.h>

#include <array>
#include <vector>

#include "router/http/syntax.hpp"
#include "tests/router/http/heads.hpp"

using namespace roomgate::router::http;

namespace {

std::string text_of(const roomgate::Result<Framing, ParseError>& framing) {
  if (!framing) return std::string(label(framing.error()));
  switch (framing->kind) {
    case Framing::Kind::none: return "none";
    case Framing::Kind::length: return std::to_string(framing->length);
    case Framing::Kind::chunked: return "chunked";
    case Framing::Kind::until_close: return "until_close";
    case Framing::Kind::tunnel: return "tunnel";
  }
  return "";
}

// The parser refuses bad lengths by asking framing_of itself: here the head is made without it.
struct Fields {
  std::vector<HeaderView> views;

  explicit Fields(std::string_view lines) {
    while (!lines.empty()) {
      const std::size_t end = lines.find("\r\n");
      const std::size_t colon = lines.find(':');
      const std::string_view name = lines.substr(0, colon);
      views.push_back({name, trim(lines.substr(colon + 1, end - colon - 1)), header_id(name)});
      lines.remove_prefix(end + 2);
    }
  }
};

struct RequestCase {
  std::string_view version;
  std::string_view fields;
  std::string_view expected;
};

struct ResponseCase {
  std::string_view status_line;
  std::string_view fields;
  Method method;
  bool upgrading;
  std::string_view expected;
};

}  // namespace

TEST_CASE("decides a request's framing from its fields") {
  static constexpr std::array<RequestCase, 33> kCases = {{
      {"1.1", "", "none"},
      {"1.1", "Content-Length: 0\r\n", "0"},
      {"1.1", "Content-Length: 42\r\n", "42"},
      {"1.1", "content-LENGTH:\t 42 \t\r\n", "42"},
      {"1.1", "Content-Length: 003\r\n", "3"},
      {"1.1", "Content-Length: 999999999999999999\r\n", "999999999999999999"},
      {"1.0", "Content-Length: 5\r\n", "5"},
      {"1.1", "Transfer-Encoding: chunked\r\n", "chunked"},
      {"1.1", "Transfer-Encoding: CHUNKED\r\n", "chunked"},
      {"1.1", "Content-Length: 1000000000000000000\r\n", "content_length"},
      {"1.1", "Content-Length:\r\n", "content_length"},
      {"1.1", "Content-Length: -1\r\n", "content_length"},
      {"1.1", "Content-Length: +1\r\n", "content_length"},
      {"1.1", "Content-Length: 0x10\r\n", "content_length"},
      {"1.1", "Content-Length: 4 2\r\n", "content_length"},
      {"1.1", "Content-Length: 4,4\r\n", "content_length"},
      {"1.1", "Content-Length: 4.0\r\n", "content_length"},
      {"1.1", "Content-Length: 1_0\r\n", "content_length"},
      {"1.1", "Content-Length: \xd9\xa1\r\n", "content_length"},
      {"1.1", "Content-Length: 1\r\nContent-Length: 2\r\n", "content_length"},
      {"1.1", "Content-Length: 1\r\nContent-Length: 1\r\n", "content_length"},
      {"1.1", "Content-Length: x\r\nContent-Length: 1\r\n", "content_length"},
      {"1.1", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", "both_lengths"},
      {"1.1", "Transfer-Encoding: identity\r\nContent-Length: 1\r\n", "both_lengths"},
      {"1.1", "Transfer-Encoding: chunked\r\nContent-Length: x\r\n", "both_lengths"},
      {"1.1", "Transfer-Encoding: identity\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding: gzip, chunked\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding: chunked, chunked\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding: chunked;q=1\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding: \"chunked\"\r\n", "transfer_encoding"},
      {"1.1", "Transfer-Encoding:\r\n", "transfer_encoding"},
      {"1.0", "Transfer-Encoding: chunked\r\n", "transfer_encoding_version"},
  }};
  for (const RequestCase& c : kCases) {
    const Fields fields(c.fields);
    RequestHead head;
    head.minor_version = c.version == "1.0" ? 0 : 1;
    head.headers = fields.views;
    INFO("fields: ", std::string(c.fields));
    CHECK(text_of(framing_of(head)) == c.expected);
  }
}

TEST_CASE("decides an answer's framing from its status, its fields and the request") {
  static constexpr std::array<ResponseCase, 22> kCases = {{
      {"1.1 200", "", Method::get, false, "until_close"},
      {"1.0 200", "", Method::get, false, "until_close"},
      {"1.1 200", "Content-Length: 5\r\n", Method::get, false, "5"},
      {"1.1 200", "Transfer-Encoding: chunked\r\n", Method::post, false, "chunked"},
      {"1.1 200", "Content-Length: 5\r\n", Method::head, false, "none"},
      {"1.1 200", "Transfer-Encoding: chunked\r\n", Method::head, false, "none"},
      {"1.1 200", "", Method::head, false, "none"},
      {"1.1 204", "", Method::get, false, "none"},
      {"1.1 204", "Content-Length: 5\r\n", Method::get, false, "none"},
      {"1.1 304", "Content-Length: 5\r\n", Method::get, false, "none"},
      {"1.1 100", "", Method::post, false, "none"},
      {"1.1 103", "", Method::get, false, "none"},
      {"1.1 101", "", Method::get, true, "tunnel"},
      {"1.1 101", "", Method::get, false, "switching_protocols"},
      {"1.1 200", "", Method::get, true, "until_close"},
      {"1.1 404", "Content-Length: 0\r\n", Method::get, true, "0"},
      {"1.1 200", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Method::get, false, "both_lengths"},
      {"1.1 304", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Method::get, false, "both_lengths"},
      {"1.1 200", "Content-Length: 1\r\nContent-Length: 2\r\n", Method::head, false, "content_length"},
      {"1.1 200", "Content-Length: 1x\r\n", Method::get, false, "content_length"},
      {"1.1 200", "Transfer-Encoding: gzip, chunked\r\n", Method::get, false, "transfer_encoding"},
      {"1.0 200", "Transfer-Encoding: chunked\r\n", Method::get, false, "transfer_encoding_version"},
  }};
  for (const ResponseCase& c : kCases) {
    const Response response("HTTP/" + std::string(c.status_line) + " X\r\n" + std::string(c.fields) + "\r\n");
    INFO("response: ", response.text);
    CHECK(text_of(framing_of(response.head(), c.method, c.upgrading)) == c.expected);
  }
}

TEST_CASE("frames an answer for the client's version") {
  const Framing chunked{Framing::Kind::chunked, 0};
  const Framing until_close{Framing::Kind::until_close, 0};
  const Framing length{Framing::Kind::length, 7};

  CHECK(framing_towards(chunked, 1) == chunked);
  CHECK(framing_towards(until_close, 1) == chunked);
  CHECK(framing_towards(chunked, 0) == until_close);
  CHECK(framing_towards(until_close, 0) == until_close);
  CHECK(framing_towards(length, 0) == length);
}

TEST_CASE("a shard's connection goes on only after an answer without anything odd") {
  struct Case {
    std::string_view head;
    bool clean;
  };
  static constexpr std::array<Case, 12> kCases = {{
      {"1.1 200 X\r\nContent-Length: 5\r\n", true},
      {"1.1 200 X\r\nTransfer-Encoding: chunked\r\n", true},
      {"1.1 200 X\r\nContent-Length: 5\r\nConnection: close\r\n", false},
      {"1.1 200 X\r\n", false},
      {"1.0 200 X\r\nContent-Length: 5\r\n", false},
      {"1.0 200 X\r\nContent-Length: 5\r\nConnection: keep-alive\r\n", true},
      {"1.1 204 X\r\n", true},
      {"1.1 204 X\r\nContent-Length: 0\r\n", false},
      {"1.1 204 X\r\nTransfer-Encoding: chunked\r\n", false},
      {"1.1 304 X\r\nContent-Length: 5\r\n", true},
      {"1.1 304 X\r\nTransfer-Encoding: chunked\r\n", false},
      {"1.1 103 X\r\nContent-Length: 5\r\n", false},
  }};
  for (const Case& c : kCases) {
    const Response response("HTTP/" + std::string(c.head) + "\r\n");
    INFO("response: ", response.text);
    const auto framing = framing_of(response.head(), Method::get, false);
    REQUIRE(framing.ok());
    CHECK(leaves_connection_clean(response.head(), *framing) == c.clean);
  }
}
