#include "router/body/body.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::router;
using Kind = http::Framing::Kind;

namespace {

struct Outcome {
  std::string payload;
  std::string rest;
  bool done = false;
  bool failed = false;
};

// The stream in pieces of `step` bytes.
Outcome read(http::Framing framing, const std::string& stream, std::size_t step) {
  body::Reader reader(framing);
  Outcome out;
  std::size_t at = 0;
  while (at < stream.size() && !reader.done()) {
    std::vector<std::uint8_t> piece(
        stream.begin() + static_cast<std::ptrdiff_t>(at),
        stream.begin() + static_cast<std::ptrdiff_t>(std::min(at + step, stream.size())));
    const auto result = reader.next(piece);
    if (!result) {
      out.failed = true;
      return out;
    }
    out.payload += as_text(result->payload);
    at += result->consumed;
    if (result->consumed < piece.size()) break;
  }
  out.rest = stream.substr(at);
  out.done = reader.done();
  return out;
}

std::string framed(http::Framing framing, const std::vector<std::string>& payloads) {
  body::Writer writer(framing);
  std::string out;
  for (std::size_t i = 0; i < payloads.size(); ++i) {
    const auto frame = writer.frame(as_bytes(payloads[i]), i + 1 == payloads.size());
    for (const auto part : frame.span()) out += as_text(part);
  }
  return out;
}

}  // namespace

TEST_CASE("a body of known length leaves the next message alone, however it arrives") {
  for (std::size_t step = 1; step < 20; ++step) {
    const auto out = read({Kind::length, 5}, "helloGET /", step);
    CHECK(out.payload == "hello");
    CHECK(out.rest == "GET /");
    CHECK(out.done);
  }
}

TEST_CASE("chunked payload comes out in one piece per read, and the next message stays") {
  const std::string stream = "3\r\nabc\r\n4;x=1\r\ndefg\r\n1\r\nh\r\n0\r\nA: b\r\n\r\nNEXT";
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    const auto out = read({Kind::chunked, 0}, stream, step);
    CHECK(out.payload == "abcdefgh");
    CHECK(out.rest == "NEXT");
    CHECK(out.done);
  }
}

TEST_CASE("a broken chunk is an error at every split") {
  const std::string stream = "3\r\nabcX\r\n0\r\n\r\n";
  for (std::size_t step = 1; step <= stream.size(); ++step)
    CHECK(read({Kind::chunked, 0}, stream, step).failed);
}

TEST_CASE("a body without length ends with its connection") {
  body::Reader reader({Kind::until_close, 0});
  std::vector<std::uint8_t> bytes{1, 2, 3};

  CHECK(reader.next(bytes)->payload.size() == 3);
  CHECK_FALSE(reader.done());
  reader.connection_ended();
  CHECK(reader.done());
}

TEST_CASE("no body is done before it begins") {
  CHECK(body::Reader({Kind::none, 0}).done());
  CHECK(body::Reader({Kind::length, 0}).done());
  CHECK_FALSE(body::Reader({Kind::chunked, 0}).done());
}

TEST_CASE("never asks for more than a known length") {
  body::Reader reader({Kind::length, 5});

  CHECK(reader.want(100) == 5);
  CHECK(body::Reader({Kind::chunked, 0}).want(100) == 100);
}

TEST_CASE("frames what it is given, with one last chunk") {
  CHECK(framed({Kind::chunked, 0}, {"abc", "", "0123456789abcdef"}) ==
        "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n");
  CHECK(framed({Kind::chunked, 0}, {"abc", ""}) == "3\r\nabc\r\n0\r\n\r\n");
  CHECK(framed({Kind::chunked, 0}, {""}) == "0\r\n\r\n");
  CHECK(framed({Kind::length, 6}, {"abc", "def"}) == "abcdef");
}
