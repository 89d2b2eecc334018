#include "sfu/send/padding.hpp"

#include <doctest/doctest.h>

#include <array>

#include "sfu/rtp/packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu;

TEST_CASE("a padding packet is a well-formed RTP packet without payload, numbered like any other") {
  std::array<std::uint8_t, 400> out;

  const std::size_t size = send::write_padding(
      {.ssrc = 77, .sequence = 5, .timestamp = 90, .payload_type = 96, .transport_sequence = 1234}, out);

  REQUIRE(size == send::kPaddingPacket);
  const auto view = rtp::RtpPacketView::parse(ByteView(out).first(size));
  REQUIRE(view);
  CHECK(view->payload().empty());
  CHECK(view->padding_size() == send::kPaddingBytes);
  CHECK(view->ssrc() == 77);
  CHECK(view->sequence() == 5);
  CHECK(view->timestamp() == 90);
  CHECK(view->payload_type() == 96);
  CHECK(rtp::transport_sequence(*view) == 1234);
}

TEST_CASE("without room for all of it nothing is written") {
  std::array<std::uint8_t, send::kPaddingPacket - 1> out;

  CHECK(send::write_padding({.ssrc = 1, .transport_sequence = 1}, out) == 0);
}
