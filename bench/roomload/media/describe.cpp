#include "bench/roomload/media/describe.hpp"

#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::bench::roomload::media {
namespace {

using sfu::rtp::Codec;

PayloadFacts describe_vp8(ByteView payload) {
  PayloadFacts facts;
  const auto vp8 = sfu::rtp::read_vp8(payload);
  if (!vp8 || vp8->size >= payload.size()) return facts;
  facts.valid = true;
  facts.tells_start = true;
  facts.starts_frame = vp8->start_of_partition && vp8->partition == 0;
  facts.starts_keyframe = vp8->keyframe;
  facts.has_picture_id = vp8->picture_id_at != 0;
  facts.picture_id_mask = vp8->long_picture_id ? 0x7fff : 0x7f;
  facts.picture_id = vp8->picture_id;
  facts.has_tl0 = vp8->tl0_at != 0 && vp8->has_temporal_id;
  facts.tl0 = vp8->tl0;
  facts.temporal_id = vp8->temporal_id;
  facts.layer_sync = vp8->layer_sync;
  return facts;
}

PayloadFacts describe_vp9(ByteView payload) {
  PayloadFacts facts;
  const Vp9Facts vp9 = read_vp9(payload);
  if (vp9.size == 0 || vp9.size >= payload.size()) return facts;
  facts.valid = true;
  facts.tells_start = true;
  facts.starts_frame = vp9.starts_layer_frame && vp9.spatial_id == 0;
  facts.starts_keyframe = facts.starts_frame && !vp9.inter_predicted;
  facts.has_picture_id = vp9.has_picture_id;
  facts.picture_id_mask = vp9.long_picture_id ? 0x7fff : 0x7f;
  facts.picture_id = vp9.picture_id;
  facts.has_tl0 = vp9.has_tl0;
  facts.tl0 = vp9.tl0;
  facts.temporal_id = vp9.temporal_id;
  facts.layer_sync = vp9.switching_up;
  return facts;
}

}  // namespace

PayloadFacts describe(Codec codec, ByteView payload) {
  switch (codec) {
    case Codec::vp8: return describe_vp8(payload);
    case Codec::vp9: return describe_vp9(payload);
    case Codec::h264:
    case Codec::av1: {
      PayloadFacts facts;
      facts.valid = payload.size() > 1;
      facts.starts_keyframe = sfu::rtp::starts_keyframe(codec, payload, std::nullopt);
      return facts;
    }
    default: return {};
  }
}

Vp9Facts read_vp9(ByteView payload) {
  ByteReader in(payload);
  Vp9Facts facts;
  const std::uint8_t first = in.u8();
  const bool flexible = (first & 0x10) != 0;
  facts.inter_predicted = (first & 0x40) != 0;
  facts.starts_layer_frame = (first & 0x08) != 0;
  facts.ends_layer_frame = (first & 0x04) != 0;
  if ((first & 0x80) != 0) {
    facts.has_picture_id = true;
    const std::uint8_t high = in.u8();
    facts.picture_id = high & 0x7f;
    if ((high & 0x80) != 0) {
      facts.long_picture_id = true;
      facts.picture_id = static_cast<std::uint16_t>(facts.picture_id << 8 | in.u8());
    }
  }
  if ((first & 0x20) != 0) {
    facts.has_layers = true;
    const std::uint8_t layer = in.u8();
    facts.temporal_id = static_cast<std::uint8_t>(layer >> 5);
    facts.switching_up = (layer & 0x10) != 0;
    facts.spatial_id = static_cast<std::uint8_t>(layer >> 1 & 7);
    facts.inter_layer = (layer & 1) != 0;
    if (!flexible) {
      facts.has_tl0 = true;
      facts.tl0 = in.u8();
    }
  }
  if (flexible && facts.inter_predicted) {
    // At most three differences, N says whether another follows.
    for (int i = 0; i < 3 && (in.u8() & 1) != 0; ++i) {
    }
  }
  if ((first & 0x02) != 0) {
    const std::uint8_t structure = in.u8();
    if ((structure & 0x10) != 0) in.skip(4 * (static_cast<std::size_t>(structure >> 5) + 1));
    if ((structure & 0x08) != 0) {
      const std::uint8_t pictures = in.u8();
      for (unsigned i = 0; i < pictures && !in.failed(); ++i) in.skip(in.u8() >> 2 & 3);
    }
  }
  if (!in.failed()) facts.size = in.position();
  return facts;
}

}  // namespace roomgate::bench::roomload::media
