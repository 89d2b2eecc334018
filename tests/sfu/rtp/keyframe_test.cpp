#include "sfu/rtp/keyframe.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

using Bytes = std::vector<std::uint8_t>;

TEST_CASE("knows where key frames begin") {
  struct Case {
    const char* what;
    Codec codec;
    Bytes payload;
    bool key;
  };
  const Case cases[] = {
      {"VP8 key frame", Codec::vp8, {0x10, 0x00}, true},
      {"VP8 delta frame", Codec::vp8, {0x10, 0x01}, false},
      {"VP8 torn", Codec::vp8, {0x90}, false},
      {"VP9 without layers", Codec::vp9, {0x08, 0}, true},
      {"VP9 predicted", Codec::vp9, {0x48, 0}, false},
      {"VP9 not the begin", Codec::vp9, {0x00, 0}, false},
      {"VP9 long picture id, spatial layer 0", Codec::vp9, {0xa8, 0x80, 0x01, 0x00, 0}, true},
      {"VP9 long picture id, spatial layer 1", Codec::vp9, {0xa8, 0x80, 0x01, 0x02, 0}, false},
      {"VP9 short picture id, spatial layer 0", Codec::vp9, {0xa8, 0x01, 0x00}, true},
      {"VP9 torn before its layer", Codec::vp9, {0xa8, 0x80, 0x01}, false},
      {"H264 SPS", Codec::h264, {0x67, 0x42}, true},
      {"H264 IDR", Codec::h264, {0x65, 0x88}, true},
      {"H264 slice", Codec::h264, {0x41, 0x9a}, false},
      {"H264 STAP-A with SPS", Codec::h264, {0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68}, true},
      {"H264 STAP-A with IDR second", Codec::h264, {0x78, 0, 1, 0x68, 0, 2, 0x65, 0x88}, true},
      {"H264 STAP-A without", Codec::h264, {0x78, 0, 1, 0x68, 0, 2, 0x41, 0x88}, false},
      {"H264 STAP-A torn", Codec::h264, {0x78, 0, 9, 0x67}, false},
      {"H264 STAP-A of empty units", Codec::h264, {0x78, 0, 0, 0, 0, 0, 0, 0}, false},
      {"H264 FU-A, IDR start", Codec::h264, {0x7c, 0x85}, true},
      {"H264 FU-A, IDR middle", Codec::h264, {0x7c, 0x05}, false},
      {"H264 FU-A, slice start", Codec::h264, {0x7c, 0x81}, false},
      {"H264 FU-A torn", Codec::h264, {0x7c}, false},
      {"AV1 new sequence", Codec::av1, {0x18, 0x0a}, true},
      {"AV1 continued", Codec::av1, {0x98, 0x0a}, false},
      {"AV1 other", Codec::av1, {0x10, 0x32}, false},
      {"opus", Codec::opus, {0x00}, false},
      {"nothing", Codec::h264, {}, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    CHECK(starts_keyframe(c.codec, c.payload, std::nullopt) == c.key);
  }
}

TEST_CASE("an AV1 dependency descriptor decides alone, encrypted payload or not") {
  const Bytes encrypted_payload = {0xff, 0xff};
  const Bytes with_structure = {0x80, 0, 1, 0x80, 0};
  const Bytes not_first_packet = {0x00, 0, 1, 0x80, 0};
  const Bytes short_form = {0x80, 0, 1};
  const Bytes extended_without = {0x80, 0, 1, 0x40};

  CHECK(starts_keyframe(Codec::av1, encrypted_payload, ByteView(with_structure)));
  CHECK_FALSE(starts_keyframe(Codec::av1, encrypted_payload, ByteView(not_first_packet)));
  CHECK_FALSE(starts_keyframe(Codec::av1, Bytes{0x18, 0x0a}, ByteView(short_form)));
  CHECK_FALSE(starts_keyframe(Codec::av1, encrypted_payload, ByteView(extended_without)));
}

TEST_CASE("the offer's payload types know their retransmissions") {
  for (const std::uint8_t number : Bytes{41, 100, 101, 107}) {
    const std::uint8_t rtx = rtx_payload_type(number);
    CHECK(payload_type(rtx).codec == Codec::rtx);
    CHECK(payload_type(rtx).original == number);
  }
  CHECK(payload_type(111).clock_rate == 48000);
  CHECK(rtx_payload_type(111) == 0);
  CHECK(payload_type(0).codec == Codec::unknown);
}
