#include "router/http/chunked.hpp"

#include <doctest.h>

#include <array>
#include <string>

#include "tests/router/http/heads.hpp"

using namespace roomgate;
using namespace roomgate::router::http;

namespace {

struct Decoded {
  std::string payload;
  std::string verdict;  // "done", "more", or an error's label
  std::size_t consumed = 0;
};

Decoded decode(std::string_view text, std::size_t chop) {
  ChunkedDecoder decoder;
  Decoded result;
  ByteView in = as_bytes(text);
  while (!in.empty() && !decoder.done()) {
    const auto step = decoder.next(in.first(std::min(chop, in.size())));
    if (!step) {
      result.verdict = label(step.error());
      CHECK_FALSE(decoder.next(as_bytes("0")).ok());
      return result;
    }
    result.payload.append(as_text(step->payload));
    result.consumed += step->consumed;
    in = in.subspan(step->consumed);
  }
  result.verdict = decoder.done() ? "done" : "more";
  return result;
}

struct Case {
  std::string_view text;
  std::string_view verdict;
  std::string_view payload;
};

}  // namespace

TEST_CASE("decodes chunked bodies alike however they are cut") {
  static constexpr std::array<Case, 42> kCases = {{
      {"0\r\n\r\n", "done", ""},
      {"5\r\nhello\r\n0\r\n\r\n", "done", "hello"},
      {"5\r\nhello\r\n6\r\n world\r\n000\r\n\r\n", "done", "hello world"},
      {"A\r\n0123456789\r\n0\r\n\r\n", "done", "0123456789"},
      {"00000000000000a\r\n0123456789\r\n0\r\n\r\n", "done", "0123456789"},
      {"1;a\r\nx\r\n0;b=c;d=\"e \\\" f\"\r\n\r\n", "done", "x"},
      {"1\r\nx\r\n0\r\nVary: *\r\nX-Trailer:\r\n\r\n", "done", "x"},
      {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "done", "\r\n\r\n"},
      {"5\r\nhel", "more", "hel"},
      {"5\r\nhello\r\n0\r\n", "more", "hello"},
      {"f", "more", ""},
      {"0000000000000001\r\nx", "chunk_size", ""},
      {"ffffffffffffffff\r\n", "chunk_size", ""},
      {"\r\n", "chunk_size", ""},
      {";a\r\n", "chunk_size", ""},
      {"-1\r\n", "chunk_size", ""},
      {"0x1\r\n", "chunk_size", ""},
      {"1 \r\nx", "chunk_size", ""},
      {" 1\r\nx", "chunk_size", ""},
      {"1\nx\r\n", "chunk_size", ""},
      {"1\r\r\n", "chunk_size", ""},
      {"g\r\n", "chunk_size", ""},
      {"1;\r\nx", "chunk_extension", ""},
      {"1; a\r\nx", "chunk_extension", ""},
      {"1;a =b\r\nx", "chunk_extension", ""},
      {"1;a=\r\nx", "chunk_extension", ""},
      {"1;a=b c\r\nx", "chunk_extension", ""},
      {"1;a\nx\r\n", "chunk_extension", ""},
      {"1;a=\"b\r\nx", "chunk_extension", ""},
      {"1;a=\"b\nx", "chunk_extension", ""},
      {"1;a=\"b\"c\r\nx", "chunk_extension", ""},
      {"1;a=\"\\\r\n", "chunk_extension", ""},
      {"1\r\nxy\r\n", "chunk_end", "x"},
      {"1\r\nx\n0\r\n\r\n", "chunk_end", "x"},
      {"1\r\nx\ry", "chunk_end", "x"},
      {"3\r\nfoo0\r\n\r\n", "chunk_end", "foo"},
      {"0\r\n X: y\r\n\r\n", "trailer", ""},
      {"0\r\nX : y\r\n\r\n", "trailer", ""},
      {"0\r\nno colon\r\n\r\n", "trailer", ""},
      {"0\r\nX: y\n\r\n", "trailer", ""},
      {"0\r\n\n", "trailer", ""},
      {"0\r\n\rX", "trailer", ""},
  }};
  for (const Case& c : kCases) {
    for (std::size_t chop : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, c.text.size()}) {
      const Decoded decoded = decode(c.text, chop);
      INFO("body: ", std::string(c.text), " chop: ", chop);
      CHECK(decoded.verdict == c.verdict);
      CHECK(decoded.payload == c.payload);
    }
  }
}

TEST_CASE("stops at the body's end and leaves what follows") {
  const Decoded decoded = decode("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 1000);

  CHECK(decoded.verdict == "done");
  CHECK(decoded.consumed == 11);
}

TEST_CASE("bounds extensions and trailers") {
  CHECK(decode("0;" + std::string(255, 'a') + "\r\n\r\n", 1000).verdict == "done");
  CHECK(decode("0;" + std::string(256, 'a') + "\r\n\r\n", 1000).verdict == "chunk_extension");
  CHECK(decode("1;" + std::string(255, 'a') + "\r\nx\r\n0;" + std::string(255, 'a') + "\r\n\r\n", 1000)
            .verdict == "done");
  std::string trailers = "0\r\n";
  while (trailers.size() < 8 * 1024) trailers += "X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n";
  CHECK(decode(trailers + trailers.substr(3) + "\r\n", 100).verdict == "trailer");
}

TEST_CASE("writes chunk headers that the decoder reads") {
  CHECK(chunk_header(1).text() == "1\r\n");
  CHECK(chunk_header(0x1a2b).text() == "1a2b\r\n");
  CHECK(chunk_header(~std::uint64_t{0}).text() == "ffffffffffffffff\r\n");
  const std::string payload(300, 'p');

  std::string body;
  body.append(chunk_header(payload.size()).text()).append(payload).append(kChunkEnd).append(kLastChunk);

  CHECK(decode(body, 11).payload == payload);
  CHECK(decode(body, 11).verdict == "done");
}
