#include "sfu/rtp/sequence.hpp"

#include <doctest/doctest.h>

using namespace roomgate::sfu::rtp;

TEST_CASE("newer and older across the wrap") {
  CHECK(sequence_newer(0, 65535));
  CHECK_FALSE(sequence_newer(65535, 0));
  CHECK_FALSE(sequence_newer(5, 5));
  CHECK(sequence_distance(2, 65534) == 4);
  CHECK(timestamp_newer(5, 0xfffffff0));
  CHECK(timestamp_distance(0, 0xffffffff) == 1);
}

TEST_CASE("extends numbers over many wraps, late ones included") {
  SequenceExtender extender;
  std::int64_t expected = extender.extend(65000);
  for (int i = 0; i < 300000; ++i) {
    const std::int64_t got = extender.extend(static_cast<std::uint16_t>(++expected));
    REQUIRE(got == expected);
    if (i % 1000 == 0) REQUIRE(extender.extend(static_cast<std::uint16_t>(expected - 500)) == expected - 500);
  }
  CHECK(extender.highest() == expected);
}

TEST_CASE("a packet before the first gets a positive number") {
  SequenceExtender extender;
  extender.extend(1);
  CHECK(extender.extend(65500) > 0);
}

TEST_CASE("NTP differences in ticks, both ways, with fractions") {
  const std::uint64_t second = std::uint64_t{1} << 32;
  CHECK(ntp_distance_in_ticks(10 * second, 9 * second, 90000) == 90000);
  CHECK(ntp_distance_in_ticks(9 * second, 10 * second, 90000) == -90000);
  CHECK(ntp_distance_in_ticks(9 * second + second / 2, 9 * second, 90000) == 45000);
  CHECK(ntp_distance_in_ticks(9 * second, 9 * second + second / 2, 90000) == -45000);
  CHECK(ntp_middle(0x1122334455667788) == 0x33445566);
}
