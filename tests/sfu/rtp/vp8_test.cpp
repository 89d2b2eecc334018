#include "sfu/rtp/vp8.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

using Bytes = std::vector<std::uint8_t>;

TEST_CASE("reads descriptors of every shape") {
  // Bare, key frame.
  auto d = read_vp8(Bytes{0x10, 0x00});
  REQUIRE(d);
  CHECK(d->size == 1);
  CHECK(d->keyframe);
  CHECK(d->picture_id_at == 0);

  // Bare, delta frame; then a continuation; then another partition.
  CHECK_FALSE(read_vp8(Bytes{0x10, 0x01})->keyframe);
  CHECK_FALSE(read_vp8(Bytes{0x00, 0x00})->keyframe);
  CHECK_FALSE(read_vp8(Bytes{0x11, 0x00})->keyframe);

  // As Chromium sends it: 15-bit picture id, TL0PICIDX, TID with Y, KEYIDX.
  d = read_vp8(Bytes{0xb0, 0xf0, 0x92, 0x34, 0x56, 0xa7, 0x01});
  REQUIRE(d);
  CHECK(d->size == 6);
  CHECK(d->non_reference);
  CHECK(d->long_picture_id);
  CHECK(d->picture_id == 0x1234);
  CHECK(d->tl0 == 0x56);
  CHECK(d->has_temporal_id);
  CHECK(d->temporal_id == 2);
  CHECK(d->layer_sync);
  CHECK(d->key_index == 7);

  // 7-bit picture id, no more.
  d = read_vp8(Bytes{0x90, 0x80, 0x45, 0x00});
  REQUIRE(d);
  CHECK(d->size == 3);
  CHECK_FALSE(d->long_picture_id);
  CHECK(d->picture_id == 0x45);
  CHECK(d->keyframe);
}

TEST_CASE("refuses descriptors that are torn anywhere") {
  const Bytes whole = {0x90, 0xf0, 0x92, 0x34, 0x56, 0xa7};
  CHECK(read_vp8(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CHECK_FALSE(read_vp8(ByteView(whole).first(size)));
  }
}

TEST_CASE("rewrites the fields in the width they have, and nothing else") {
  Bytes wide = {0x90, 0xe0, 0x92, 0x34, 0x56, 0xa7, 0x01};
  rewrite_vp8(wide, *read_vp8(wide), {.picture_id = 0x7fff, .tl0 = 0x11});
  CHECK(wide == Bytes{0x90, 0xe0, 0xff, 0xff, 0x11, 0xa7, 0x01});

  Bytes narrow = {0x90, 0x80, 0x45, 0x00};
  rewrite_vp8(narrow, *read_vp8(narrow), {.picture_id = 0x1ff, .tl0 = 0x11});
  CHECK(narrow == Bytes{0x90, 0x80, 0x7f, 0x00});

  Bytes bare = {0x10, 0x00};
  rewrite_vp8(bare, *read_vp8(bare), {.picture_id = 1, .tl0 = 1});
  CHECK(bare == Bytes{0x10, 0x00});
}
