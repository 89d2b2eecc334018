// What the receiving side reads of a video payload without decoding it: where frames and key frames begin,
// and the numbers that must go on from frame to frame. Pure; any thread.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::bench::roomload::media {

struct PayloadFacts {
  bool valid = false;         // a depacketiser would take it
  bool tells_start = false;   // the codec says where frames begin, and so
  bool starts_frame = false;  //   this is such a place
  bool starts_keyframe = false;
  bool has_picture_id = false;
  bool has_tl0 = false;
  bool layer_sync = false;  // refers to temporal layer 0 alone
  std::uint16_t picture_id_mask = 0x7fff;
  std::uint16_t picture_id = 0;
  std::uint8_t tl0 = 0;
  std::uint8_t temporal_id = 0;
};

PayloadFacts describe(sfu::rtp::Codec codec, ByteView payload);

// The VP9 payload descriptor (RFC 9628 4.2), as far as the receiving side and the recorder need it.
struct Vp9Facts {
  std::size_t size = 0;  // 0: torn
  bool inter_predicted = false;
  bool starts_layer_frame = false;
  bool ends_layer_frame = false;
  std::uint8_t temporal_id = 0;
  std::uint8_t spatial_id = 0;
  bool switching_up = false;
  bool inter_layer = false;
  bool has_picture_id = false;
  bool long_picture_id = false;
  std::uint16_t picture_id = 0;
  bool has_layers = false;
  bool has_tl0 = false;
  std::uint8_t tl0 = 0;
};
Vp9Facts read_vp9(ByteView payload);

}  // namespace roomgate::bench::roomload::media
