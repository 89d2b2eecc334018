#include "bench/roomload/signal/websocket_frames.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::bench::roomload::signal;

namespace {

// As a server writes: not masked.
std::string frame(std::uint8_t first, std::string_view payload) {
  std::string out(1, static_cast<char>(first));
  if (payload.size() < 126) {
    out += static_cast<char>(payload.size());
  } else {
    out += static_cast<char>(126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size() & 0xff);
  }
  return out + std::string(payload);
}

std::vector<std::string> texts(FrameReader& reader) {
  std::vector<std::string> out;
  while (true) {
    auto next = reader.next();
    REQUIRE(next);
    if (!*next) return out;
    out.push_back((*next)->payload);
  }
}

}  // namespace

TEST_CASE("messages come out whole, however their bytes come in") {
  const std::string bytes = frame(0x81, "one") + frame(0x81, std::string(300, 'x')) + frame(0x81, "");
  FrameReader reader;
  std::vector<std::string> got;

  for (const char c : bytes) {
    reader.consume(as_bytes(std::string_view(&c, 1)));
    for (auto& text : texts(reader)) got.push_back(std::move(text));
  }

  CHECK(got == std::vector<std::string>{"one", std::string(300, 'x'), ""});
}

TEST_CASE("fragments are joined, and a ping in between comes first") {
  FrameReader reader;
  reader.consume(as_bytes(frame(0x01, "ab") + frame(0x89, "p") + frame(0x00, "cd") + frame(0x80, "ef")));

  const auto first = reader.next();
  const auto second = reader.next();

  REQUIRE((first && *first));
  CHECK((*first)->opcode == Opcode::ping);
  REQUIRE((second && *second));
  CHECK((*second)->opcode == Opcode::text);
  CHECK((*second)->payload == "abcdef");
}

TEST_CASE("what no server may send ends it, for good") {
  const std::pair<std::string, FrameError> cases[] = {
      {std::string("\x81\x80\x00\x00\x00\x00", 6), FrameError::masked},
      {frame(0xc1, "a"), FrameError::reserved_bits},
      {frame(0x83, "a"), FrameError::bad_opcode},
      {frame(0x09, "a"), FrameError::bad_control},
      {frame(0x80, "a"), FrameError::out_of_order},
      {frame(0x01, "a") + frame(0x81, "b"), FrameError::out_of_order},
      {std::string("\x81\x7f\x00\x00\x00\x00\x7f\xff\xff\xff", 10), FrameError::too_large}};
  for (const auto& [bytes, error] : cases) {
    FrameReader reader;
    reader.consume(as_bytes(bytes));

    auto next = reader.next();
    const auto again = reader.next();

    REQUIRE_FALSE(next);
    CHECK(next.error() == error);
    REQUIRE_FALSE(again);
    CHECK(again.error() == error);
  }
}

TEST_CASE("frames are masked with the key that they carry, at each of the three lengths") {
  for (const std::size_t size : {5UL, 126UL, 70'000UL}) {
    const std::string payload(size, 'a');

    const std::string frame = write_frame(Opcode::text, payload, 0x01020304);

    const std::size_t head = size < 126 ? 2 : size <= 0xffff ? 4 : 10;
    REQUIRE(frame.size() == head + 4 + size);
    CHECK(static_cast<std::uint8_t>(frame[0]) == 0x81);
    CHECK((static_cast<std::uint8_t>(frame[1]) & 0x80) != 0);
    CHECK(frame.substr(head, 4) == std::string("\x01\x02\x03\x04"));
    CHECK(frame[head + 4] == ('a' ^ 1));
    CHECK(frame[head + 4 + 3] == ('a' ^ 4));
    CHECK(frame[head + 4 + 4] == ('a' ^ 1));
  }
}
