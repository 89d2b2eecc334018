#include "router/tunnel/frames.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::router::tunnel;

namespace {

constexpr std::uint8_t kText = 0x81;
constexpr std::uint8_t kPart = 0x02;  // of a binary message
constexpr std::uint8_t kPing = 0x89;
constexpr std::uint8_t kEnd = 0x88;

// A frame of `size` bytes, its length written as shortly as can be.
std::string frame(std::uint8_t first, std::uint64_t size, bool masked = false) {
  std::vector<std::uint8_t> head{first};
  const std::uint8_t mask = masked ? 0x80 : 0;
  if (size < 126) {
    head.push_back(mask | static_cast<std::uint8_t>(size));
  } else if (size < 65536) {
    head.resize(4);
    head[1] = mask | 126;
    store16(&head[2], static_cast<std::uint16_t>(size));
  } else {
    head.resize(10);
    head[1] = mask | 127;
    store64(&head[2], size);
  }
  if (masked) head.insert(head.end(), {1, 2, 3, 4});
  std::string out(as_text(head));
  return out.append(static_cast<std::size_t>(size), '\x88');  // looks like a Close where it is not one
}

}  // namespace

TEST_CASE("knows that it is between two frames, for every form of length, with a mask and without") {
  for (const bool masked : {false, true}) {
    for (const std::uint64_t size : {0, 1, 125, 126, 127, 65535, 65536, 100'000}) {
      const std::string bytes = frame(kText, size, masked);
      Frames frames;
      REQUIRE(frames.between());

      frames.pass(as_bytes(bytes).first(bytes.size() - 1));
      const bool before = frames.between();
      frames.pass(as_bytes(bytes).last(1));

      CAPTURE(size);
      CHECK_FALSE(before);
      CHECK(frames.between());
      CHECK_FALSE(frames.closed());
    }
  }
}

TEST_CASE("stops at the end of the frame that is under way") {
  const std::string bytes = frame(kPart, 300) + frame(kPing, 3, true);
  Frames frames;

  const std::size_t first = frames.pass_frame(as_bytes(bytes));
  const std::size_t second = frames.pass_frame(as_bytes(bytes).subspan(first));

  CHECK(first == frame(kPart, 300).size());
  CHECK(second == frame(kPing, 3, true).size());
  CHECK(frames.between());
}

TEST_CASE("comes to the same however the bytes are cut") {
  const std::string bytes = frame(kText, 0) + frame(kPart, 70'000, true) + frame(kPing, 2) + frame(kEnd, 2);
  for (std::size_t cut = 1; cut < 400; ++cut) {
    Frames frames;
    ByteView rest = as_bytes(bytes);

    while (!rest.empty()) {
      const std::size_t piece = std::min(cut, rest.size());
      frames.pass(rest.first(piece));
      rest = rest.subspan(piece);
    }

    CHECK(frames.between());
    CHECK(frames.closed());
  }
}

TEST_CASE("sees a Close, and only where a frame begins") {
  Frames frames;

  frames.pass(as_bytes(frame(kText, 50)));
  const bool inside_payload = frames.closed();
  frames.pass(as_bytes(frame(kEnd, 0, true)).first(1));

  CHECK_FALSE(inside_payload);
  CHECK(frames.closed());
}

TEST_CASE("a length that RFC 6455 forbids is no WebSocket: never between frames again") {
  Frames frames;

  frames.pass(as_bytes(std::string("\x81\x7f\xff\0\0\0\0\0\0\1", 10)));
  frames.pass(as_bytes(std::string(100, '\0')));

  CHECK_FALSE(frames.between());
}

TEST_CASE("the longest length that is allowed does not overflow behind its mask") {
  Frames frames;

  frames.pass(as_bytes(std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 10)));
  frames.pass(as_bytes(std::string(1000, 'x')));

  CHECK_FALSE(frames.between());
}

TEST_CASE("writes a Close as a server and as a client do") {
  const CloseFrame server(1001, std::nullopt);
  const CloseFrame client(1001, 0x0a0b0c0d);

  CHECK(as_text(server.bytes()) == "\x88\x02\x03\xe9");
  CHECK(as_text(client.bytes()) == "\x88\x82\x0a\x0b\x0c\x0d\x09\xe2");
}
