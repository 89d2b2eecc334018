#include "base/siphash.hpp"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

using namespace roomgate;

TEST_CASE("matches the reference vectors of SipHash-2-4") {
  const std::array<std::uint64_t, 2> key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::vector<std::uint8_t> input(15);
  std::iota(input.begin(), input.end(), std::uint8_t{0});

  CHECK(siphash(input, key) == 0xa129ca6149be45e5);
  CHECK(siphash(ByteView{}, key) == 0x726fdb47dd0e0e31);
}
