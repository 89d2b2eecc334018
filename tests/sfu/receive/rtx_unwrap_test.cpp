#include "sfu/receive/rtx_unwrap.hpp"

#include <doctest/doctest.h>

#include "sfu/rtp/packet.hpp"
#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu::receive;
using namespace roomgate::sfu::rtp;

namespace {

PacketHandle packet_of(PacketPool& pool, const Bytes& bytes) {
  PacketHandle packet = pool.take();
  REQUIRE(packet->assign(bytes));
  return packet;
}

Bytes bytes_of(const PacketBuffer& packet) { return Bytes(packet.bytes().begin(), packet.bytes().end()); }

}  // namespace

TEST_CASE("gives back the packet that was repeated, extensions and padding included") {
  PacketPool pool;
  TestPacket original{.payload_type = 100,
                      .marker = true,
                      .sequence = 777,
                      .ssrc = 0xaaaa,
                      .csrcs = {5},
                      .extensions = {{5, {1, 2}}, {10, {'1'}}},
                      .payload = {9, 8, 7},
                      .padding = 3};
  TestPacket wrapped = original;
  wrapped.payload_type = 96;
  wrapped.sequence = 12;
  wrapped.ssrc = 0xbbbb;
  wrapped.payload = {777 >> 8, 777 & 0xff, 9, 8, 7};
  PacketHandle packet = packet_of(pool, build(wrapped));

  CHECK(unwrap_rtx(*packet, 0xaaaa) == Unwrapped::media);

  CHECK(bytes_of(*packet) == build(original));
}

TEST_CASE("tells probes from media, and refuses what is neither") {
  PacketPool pool;
  CHECK(unwrap_rtx(*packet_of(pool, build({.payload_type = 96, .payload = {}, .padding = 200})), 1) ==
        Unwrapped::padding);
  CHECK(unwrap_rtx(*packet_of(pool, build({.payload_type = 96, .payload = {}})), 1) == Unwrapped::padding);
  CHECK(unwrap_rtx(*packet_of(pool, build({.payload_type = 96, .payload = {1}})), 1) == Unwrapped::malformed);
  CHECK(unwrap_rtx(*packet_of(pool, build({.payload_type = 100})), 1) == Unwrapped::malformed);
  CHECK(unwrap_rtx(*packet_of(pool, {0x80, 96, 0}), 1) == Unwrapped::malformed);
}
