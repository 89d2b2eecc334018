#include "sfu/receive/audio_level.hpp"

#include <doctest/doctest.h>

#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu::receive;
using namespace roomgate::sfu::rtp;

TEST_CASE("reads level and voice flag, in both header forms") {
  for (const bool two_byte : {false, true}) {
    const Bytes bytes = build({.extensions = {{10, {'0'}}, {1, {0x80 | 30}}}, .two_byte = two_byte});
    const auto level = read_audio_level(*RtpPacketView::parse(bytes));
    REQUIRE(level);
    CHECK(*level == AudioLevel{.level = 30, .voice = true});
  }
}

TEST_CASE("has no level without the extension, or with an empty one") {
  const Bytes without = build({});
  CHECK_FALSE(read_audio_level(*RtpPacketView::parse(without)));
  const Bytes empty = build({.extensions = {{1, {}}}, .two_byte = true});
  CHECK_FALSE(read_audio_level(*RtpPacketView::parse(empty)));
}
