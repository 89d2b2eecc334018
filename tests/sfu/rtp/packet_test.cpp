#include "sfu/rtp/packet.hpp"

#include <doctest/doctest.h>

#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

TEST_CASE("reads every field of a packet with all parts") {
  const Bytes bytes = build({.payload_type = 96,
                             .marker = true,
                             .sequence = 65535,
                             .timestamp = 0xfffffffe,
                             .ssrc = 0xdeadbeef,
                             .csrcs = {7, 8},
                             .extensions = {{1, {0x85}}},
                             .payload = {9, 9, 9},
                             .padding = 5});

  const auto packet = RtpPacketView::parse(bytes);

  REQUIRE(packet.ok());
  CHECK(packet->marker());
  CHECK(packet->payload_type() == 96);
  CHECK(packet->sequence() == 65535);
  CHECK(packet->timestamp() == 0xfffffffe);
  CHECK(packet->ssrc() == 0xdeadbeef);
  REQUIRE(packet->csrc_count() == 2);
  CHECK(packet->csrc(1) == 8);
  CHECK(packet->extension_profile() == kOneByteProfile);
  CHECK(packet->extension_body().size() == 4);
  CHECK(packet->header_size() == 12 + 8 + 8);
  CHECK(packet->payload().size() == 3);
  CHECK(packet->padding_size() == 5);
  CHECK(packet->body().size() == 8);
}

TEST_CASE("refuses packets whose lengths do not hold") {
  const Bytes plain = build({});
  struct Case {
    const char* what;
    Bytes bytes;
    PacketError error;
  };
  Bytes version = plain;
  version[0] = 0x40;
  Bytes rtcp = plain;
  rtcp[1] = 200;
  Bytes csrc(12);
  csrc[0] = 0x81;
  Bytes no_extension_head(14);
  no_extension_head[0] = 0x90;
  Bytes long_extension = build({.extensions = {{1, {1}}}, .payload = {}});
  long_extension[15] = 2;
  Bytes zero_padding = plain;
  zero_padding[0] |= 0x20;
  zero_padding.back() = 0;
  Bytes long_padding = plain;
  long_padding[0] |= 0x20;
  long_padding.back() = 5;
  const Case cases[] = {
      {"short", Bytes(11, 0x80), PacketError::too_short},
      {"version", version, PacketError::wrong_version},
      {"rtcp", rtcp, PacketError::is_rtcp},
      {"csrc", csrc, PacketError::csrc_past_end},
      {"extension head", no_extension_head, PacketError::extension_past_end},
      {"extension body", long_extension, PacketError::extension_past_end},
      {"no padding", zero_padding, PacketError::padding_past_end},
      {"padding into the header", long_padding, PacketError::padding_past_end},
  };

  for (const Case& c : cases) {
    CAPTURE(c.what);
    const auto packet = RtpPacketView::parse(c.bytes);
    REQUIRE_FALSE(packet.ok());
    CHECK(packet.error() == c.error);
  }
}

TEST_CASE("does not read the padding count of a packet still encrypted") {
  Bytes bytes = build({});
  bytes[0] |= 0x20;
  bytes.back() = 0xff;

  const auto packet = RtpPacketView::parse_protected(bytes);

  REQUIRE(packet.ok());
  CHECK(packet->padding_size() == 0);
  CHECK(packet->payload().size() == 4);
}

TEST_CASE("setters change their field and nothing else") {
  Bytes bytes = build({.payload_type = 100, .marker = true});
  const Bytes body(bytes.begin() + 12, bytes.end());

  set_payload_type(bytes, 127);
  set_sequence(bytes, 1);
  set_timestamp(bytes, 2);
  set_ssrc(bytes, 3);

  const auto packet = RtpPacketView::parse(bytes);
  REQUIRE(packet.ok());
  CHECK(packet->marker());
  CHECK(packet->payload_type() == 127);
  CHECK(packet->sequence() == 1);
  CHECK(packet->timestamp() == 2);
  CHECK(packet->ssrc() == 3);
  CHECK(Bytes(bytes.begin() + 12, bytes.end()) == body);
  set_marker(bytes, false);
  CHECK(bytes[1] == 127);
}

TEST_CASE("tells RTCP from RTP by the second byte") {
  for (const auto& [type, rtcp] :
       {std::pair{191, false}, {192, true}, {200, true}, {223, true}, {224, false}}) {
    const Bytes bytes = {0x80, static_cast<std::uint8_t>(type)};
    CHECK(is_rtcp(bytes) == rtcp);
  }
  CHECK_FALSE(is_rtcp(Bytes{0x80}));
}
