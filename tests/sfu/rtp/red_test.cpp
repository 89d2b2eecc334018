#include "sfu/rtp/red.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

using Bytes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("the primary block stands behind the redundant ones") {
  // Two redundant blocks of 3 and 2 bytes, 960 and 480 ticks back, then opus.
  const Bytes packet = {0xef, 0x0f, 0x00, 0x03, 0xef, 0x07, 0x80, 0x02, 0x6f, 1, 2, 3, 4, 5, 6, 7};
  CHECK(read_red(packet) == RedPrimary{111, 14});
}

TEST_CASE("RED without redundancy is one byte before the data, which may be nothing") {
  CHECK(read_red(Bytes{0x6f, 1, 2}) == RedPrimary{111, 1});
  CHECK(read_red(Bytes{0x6f}) == RedPrimary{111, 1});
}

TEST_CASE("torn RED is refused") {
  const Bytes whole = {0xef, 0x0f, 0x00, 0x03, 0x6f, 1, 2, 3};
  REQUIRE(read_red(whole) == RedPrimary{111, 8});
  for (std::size_t size = 0; size < whole.size(); ++size) CHECK_FALSE(read_red(ByteView(whole).first(size)));
  CHECK_FALSE(read_red(Bytes{0xef, 0xff, 0xff, 0xff, 0x6f, 1}));
  CHECK_FALSE(read_red(Bytes(200, 0x80)));
}

TEST_CASE("whatever comes, the primary lies within the payload") {
  std::mt19937 random(3);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(random() % 40);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
    if (const auto red = read_red(bytes)) {
      REQUIRE(red->offset <= bytes.size());
      REQUIRE(red->offset > 0);
    }
  }
}
