#include "sfu/forward/video_packet.hpp"

#include <doctest/doctest.h>

#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;

namespace {

VideoPacket read(VideoReader& reader, const rtp::TestPacket& packet, std::size_t stream = 0) {
  const rtp::Bytes bytes = rtp::build(packet);
  return reader.read(*rtp::RtpPacketView::parse(bytes), stream);
}

}  // namespace

TEST_CASE("VP8: a frame is for those who take its temporal layer, and Y lets one more begin") {
  VideoReader reader;
  // X, S; I, L, T; picture id 0x45, TL0 7, TID 2 with Y; a key frame would have bit 0 clear.
  const VideoPacket video =
      read(reader, {.payload_type = 100, .payload = {0x90, 0xe0, 0x45, 0x07, 0xa0, 0x01}}, 1);

  CHECK(video.stream == 1);
  CHECK(video.layer() == 1);
  CHECK(video.starts_frame);
  CHECK_FALSE(video.starts_keyframe);
  CHECK(video.temporal == 2);
  CHECK_FALSE(video.needed_by.has(0, 1));
  CHECK(video.needed_by.has(0, 2));
  CHECK(video.needed_by.has(0, 3));
  CHECK(video.switches.has(0, 2));
  CHECK(video.switch_from == 1);
  REQUIRE(video.picture);
  CHECK(video.picture->picture_id == 0x45);

  const VideoPacket key = read(reader, {.payload_type = 100, .payload = {0x90, 0x80, 0x45, 0x00}});
  CHECK(key.starts_keyframe);
  CHECK(key.needed_by == LayerSet::everything());
  CHECK(key.switches.has(0, 3));
}

TEST_CASE("VP9: Z keeps a layer frame from those above, and a structure tells the layers") {
  VideoReader reader;
  // L, B; TID 1, SID 0.
  const VideoPacket used = read(reader, {.payload_type = 101, .payload = {0b0110'1000, 0b001'0'000'0, 1, 9}});
  CHECK(used.needed_by.has(0, 1));
  CHECK(used.needed_by.has(2, 1));
  CHECK_FALSE(used.needed_by.has(2, 0));
  CHECK(used.needed_by.has_above(0));
  const VideoPacket alone =
      read(reader, {.payload_type = 101, .payload = {0b0110'1001, 0b001'0'000'0, 1, 9}});
  CHECK(alone.needed_by.has(0, 1));
  CHECK_FALSE(alone.needed_by.has_above(0));

  const VideoPacket key = read(
      reader,
      {.payload_type = 101, .payload = {0b0010'1010, 0, 1, 0b001'1'0'000, 1, 0, 0, 90, 2, 0, 0, 180, 9}});
  CHECK(key.starts_keyframe);
  REQUIRE(key.layers);
  CHECK(key.layers->count == 2);
  CHECK(key.layers->heights[1] == 180);

  CHECK_FALSE(read(reader, {.payload_type = 101, .payload = {0x20}}).needed_by.has(0, 0));
}

TEST_CASE("AV1 without the descriptor is for everybody; with one that cannot be read for nobody") {
  VideoReader reader;
  const VideoPacket plain = read(reader, {.payload_type = 41, .payload = {0x08, 1, 2}});
  CHECK(plain.starts_keyframe);
  CHECK(plain.needed_by == LayerSet::everything());
  const VideoPacket torn =
      read(reader, {.payload_type = 41, .extensions = {{11, {0x80, 0}}}, .payload = {0x08, 1}});
  CHECK(torn.needed_by == LayerSet());
  const VideoPacket early =
      read(reader, {.payload_type = 41, .extensions = {{11, {0x80, 0, 1}}}, .payload = {0x00, 1}});
  CHECK(early.needed_by == LayerSet());
}

TEST_CASE("padding alone is a probe, and H264 begins with its parameter sets") {
  VideoReader reader;
  CHECK(read(reader, {.payload_type = 107, .payload = {}, .padding = 9}).payload_size == 0);
  CHECK(read(reader, {.payload_type = 107, .payload = {0x67, 1, 2}}).starts_keyframe);
  CHECK_FALSE(read(reader, {.payload_type = 107, .payload = {0x61, 1, 2}}).starts_keyframe);
}
