#include "sfu/transport/demux.hpp"

#include <doctest/doctest.h>

#include <array>

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {
DatagramKind kind_of(unsigned first, unsigned second) {
  const std::array<std::uint8_t, 2> bytes = {static_cast<std::uint8_t>(first),
                                             static_cast<std::uint8_t>(second)};
  return classify(bytes);
}
}  // namespace

TEST_CASE("tells the protocols apart by the table of RFC 7983") {
  for (unsigned first = 0; first < 256; ++first) {
    CAPTURE(first);
    DatagramKind expected = DatagramKind::other;
    if (first <= 3) expected = DatagramKind::stun;
    if (first >= 20 && first <= 63) expected = DatagramKind::dtls;
    if (first >= 128 && first <= 191) expected = DatagramKind::rtp;

    CHECK(kind_of(first, 111) == expected);
  }
}

TEST_CASE("tells RTCP from RTP by the packet type") {
  CHECK(kind_of(0x80, 191) == DatagramKind::rtp);
  CHECK(kind_of(0x80, 192) == DatagramKind::rtcp);
  CHECK(kind_of(0x81, 200) == DatagramKind::rtcp);
  CHECK(kind_of(0x8f, 205) == DatagramKind::rtcp);
  CHECK(kind_of(0x80, 223) == DatagramKind::rtcp);
  CHECK(kind_of(0x80, 224) == DatagramKind::rtp);
  CHECK(kind_of(0x90, 0x80 | 100) == DatagramKind::rtp);
}

TEST_CASE("calls nothing and one byte of media other") {
  const std::array<std::uint8_t, 1> one = {0x80};

  CHECK(classify({}) == DatagramKind::other);
  CHECK(classify(one) == DatagramKind::other);
}
