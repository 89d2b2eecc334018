#include "sfu/rtp/vp9.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

using Bytes = std::vector<std::uint8_t>;

TEST_CASE("reads the layer indices and numbers of a layer frame's packet") {
  // I, L, B, Z; picture id 0x1234; TID 2, U, SID 1, D; TL0PICIDX 0x56.
  const Bytes payload = {0b1010'1001, 0x92, 0x34, 0b010'1'001'1, 0x56, 0xff};
  const auto descriptor = read_vp9(payload);

  REQUIRE(descriptor);
  CHECK(descriptor->size == 5);
  CHECK(descriptor->starts_frame);
  CHECK_FALSE(descriptor->ends_frame);
  CHECK(descriptor->not_for_upper);
  CHECK(descriptor->picture == PictureFields{1, true, 4, 0x56, 0x1234});
  CHECK(descriptor->temporal_id == 2);
  CHECK(descriptor->switching_up);
  CHECK(descriptor->spatial_id == 1);
  CHECK(descriptor->from_lower);
  CHECK_FALSE(descriptor->starts_keyframe());
}

TEST_CASE("a key frame begins with the lowest layer, not predicted") {
  struct Case {
    Bytes payload;
    bool key;
  };
  const Case cases[] = {
      {{0b0000'1000, 0x00}, true},                  // no layers at all
      {{0b0100'1000, 0x00}, false},                 // predicted
      {{0b0000'0100, 0x00}, false},                 // not its begin
      {{0b0010'1000, 0b000'0'000'0, 0x01}, true},   // lowest layer
      {{0b0010'1000, 0b000'0'001'1, 0x01}, false},  // a higher layer of a key picture
  };
  for (const Case& c : cases) {
    CAPTURE(c.payload[0]);
    const auto descriptor = read_vp9(c.payload);
    REQUIRE(descriptor);
    CHECK(descriptor->starts_keyframe() == c.key);
  }
}

TEST_CASE("reads a scalability structure with resolutions, and steps over its picture group") {
  // L and V; SS: 3 layers, Y, G; resolutions; 2 pictures with 1 and 2 references.
  Bytes payload = {0b0010'1010, 0x00, 0x01, 0b010'1'1'000};
  for (const int scale : {1, 2, 4}) {
    payload.insert(payload.end(), {0x01, 0x40, 0x00, static_cast<std::uint8_t>(45 * scale)});
  }
  payload.insert(payload.end(), {2, 0b000'0'01'00, 1, 0b000'0'10'00, 1, 2, 0xee});
  const auto descriptor = read_vp9(payload);

  REQUIRE(descriptor);
  CHECK(descriptor->size == payload.size() - 1);
  REQUIRE(descriptor->structure);
  CHECK(descriptor->structure->spatial_layers == 3);
  CHECK(descriptor->structure->heights[0] == 45);
  CHECK(descriptor->structure->heights[2] == 180);
  for (std::size_t cut = 0; cut + 1 < payload.size(); ++cut)
    CHECK_FALSE(read_vp9(ByteView(payload).first(cut)));
}

TEST_CASE("flexible mode: up to three references, more are refused") {
  // P, L, F, B; layer indices; references.
  const Bytes three = {0b0111'1000, 0x00, 0x03, 0x05, 0x06, 0xaa};
  REQUIRE(read_vp9(three));
  CHECK(read_vp9(three)->size == 5);
  CHECK(read_vp9(three)->picture.tl0_at == 0);
  const Bytes four = {0b0111'1000, 0x00, 0x03, 0x05, 0x07, 0x02};
  CHECK_FALSE(read_vp9(four));
}

TEST_CASE("new numbers are written in the width they have") {
  Bytes payload = {0b1010'1000, 0x92, 0x34, 0x00, 0x56, 0xff};
  PictureFields fields = read_vp9(payload)->picture;
  fields.picture_id = 0x0102;
  fields.tl0 = 3;
  write_picture_fields(payload, fields);
  CHECK(read_vp9(payload)->picture == fields);

  Bytes narrow = {0b1000'1000, 0x12, 0xff};
  fields = read_vp9(narrow)->picture;
  fields.picture_id = 0x0185;
  write_picture_fields(narrow, fields);
  CHECK(narrow == Bytes{0b1000'1000, 0x05, 0xff});
}
