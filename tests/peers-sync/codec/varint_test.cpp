#include "peers-sync/codec/varint.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <random>

using namespace roomgate;
using namespace roomgate::peers_sync::codec;

namespace {

std::string hex(std::string_view bytes) {
  std::string out;
  for (const unsigned char c : bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    if (!out.empty()) out += ' ';
    out += kDigits[c >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

std::string encoded(std::uint64_t value) {
  std::string out;
  append_varint(value, out);
  return out;
}

}  // namespace

TEST_CASE("numbers are spelled as HAProxy spells them") {
  struct Row {
    std::uint64_t value;
    const char* bytes;
  };
  const Row rows[] = {
      {0, "00"},
      {239, "ef"},
      {240, "f0 00"},
      {241, "f1 00"},
      {255, "ff 00"},
      {256, "f0 01"},
      {2287, "ff 7f"},
      {2288, "f0 80 00"},
      {0x1234, "f4 94 01"},
      {264431, "ff ff 7f"},
      {264432, "f0 80 80 00"},
      {0x80001, "f1 f1 fe 00"},
      {86400000, "f0 b1 ca c8 01"},
      {4294967295, "ff f0 fe fe 7e"},
  };
  for (const Row& row : rows) CHECK(hex(encoded(row.value)) == row.bytes);
}

TEST_CASE("every number comes back, in at most ten bytes") {
  std::mt19937_64 random(7);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64);
    const std::string bytes = encoded(value);
    ByteView rest = as_bytes(bytes);

    const auto back = take_varint(rest);

    REQUIRE(back == value);
    REQUIRE(rest.empty());
    REQUIRE(bytes.size() <= kMaxVarintBytes);
  }
  CHECK(encoded(std::numeric_limits<std::uint64_t>::max()).size() == kMaxVarintBytes);
}

TEST_CASE("a number that is cut off takes nothing") {
  const std::string whole = encoded(86400000);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    ByteView rest = as_bytes(whole).first(size);

    CHECK(!take_varint(rest));
    CHECK(rest.size() == size);
  }
}

TEST_CASE("a number beyond 64 bits is none") {
  const std::string endless(12, '\xff');
  ByteView rest = as_bytes(endless);
  std::string over = encoded(std::numeric_limits<std::uint64_t>::max());
  over.back() = '\x7f';
  ByteView too_much = as_bytes(over);

  CHECK(!take_varint(rest));
  CHECK(!take_varint(too_much));
}
