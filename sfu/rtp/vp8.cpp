#include "sfu/rtp/vp8.hpp"

namespace roomgate::sfu::rtp {

std::optional<Vp8Descriptor> read_vp8(ByteView payload) {
  ByteReader in(payload);
  Vp8Descriptor descriptor;
  const std::uint8_t first = in.u8();
  descriptor.non_reference = (first & 0x20) != 0;
  descriptor.start_of_partition = (first & 0x10) != 0;
  descriptor.partition = first & 0x07;
  if ((first & 0x80) != 0) {
    const std::uint8_t extension = in.u8();
    if ((extension & 0x80) != 0) {
      descriptor.picture_id_at = static_cast<std::uint8_t>(in.position());
      const std::uint8_t high = in.u8();
      descriptor.picture_id = high & 0x7f;
      if ((high & 0x80) != 0) {
        descriptor.long_picture_id = true;
        descriptor.picture_id = static_cast<std::uint16_t>((descriptor.picture_id << 8) | in.u8());
      }
    }
    if ((extension & 0x40) != 0) {
      descriptor.tl0_at = static_cast<std::uint8_t>(in.position());
      descriptor.tl0 = in.u8();
    }
    if ((extension & 0x30) != 0) {
      const std::uint8_t third = in.u8();
      if ((extension & 0x20) != 0) {
        descriptor.has_temporal_id = true;
        descriptor.temporal_id = static_cast<std::uint8_t>(third >> 6);
        descriptor.layer_sync = (third & 0x20) != 0;
      }
      if ((extension & 0x10) != 0) descriptor.key_index = static_cast<std::uint8_t>(third & 0x1f);
    }
  }
  if (in.failed()) return std::nullopt;
  descriptor.size = static_cast<std::uint8_t>(in.position());
  // RFC 7741 4.3: the P bit of the first payload byte is 0 in key frames; it is there only where a frame
  // begins.
  descriptor.keyframe = descriptor.start_of_partition && descriptor.partition == 0 && in.left() > 0 &&
                        (in.rest()[0] & 0x01) == 0;
  return descriptor;
}

void rewrite_vp8(ByteSpan payload, const Vp8Descriptor& descriptor, const Vp8Rewrite& values) {
  if (descriptor.size > payload.size()) return;
  PictureFields fields = descriptor.picture();
  fields.picture_id = values.picture_id;
  fields.tl0 = values.tl0;
  write_picture_fields(payload, fields);
}

}  // namespace roomgate::sfu::rtp
