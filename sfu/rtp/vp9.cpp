#include "sfu/rtp/vp9.hpp"

namespace roomgate::sfu::rtp {
namespace {

constexpr int kMaxReferences = 3;

Vp9Structure read_structure(ByteReader& in) {
  Vp9Structure structure;
  const std::uint8_t first = in.u8();
  structure.spatial_layers = static_cast<std::uint8_t>((first >> 5) + 1);
  const bool resolutions = (first & 0x10) != 0;
  const bool pictures = (first & 0x08) != 0;
  for (std::size_t layer = 0; resolutions && layer < structure.spatial_layers; ++layer) {
    in.skip(2);  // width
    structure.heights[layer] = in.u16();
  }
  // The picture group tells a receiver what refers to what; U, TID and P say enough to choose layers.
  for (int left = pictures ? in.u8() : 0; left > 0 && !in.failed(); --left) {
    const std::uint8_t picture = in.u8();
    in.skip((picture >> 2) & 0x03);
  }
  return structure;
}

}  // namespace

std::optional<Vp9Descriptor> read_vp9(ByteView payload) {
  ByteReader in(payload);
  Vp9Descriptor descriptor;
  const std::uint8_t first = in.u8();
  const bool has_structure = (first & 0x02) != 0;
  descriptor.predicted = (first & 0x40) != 0;
  descriptor.has_layers = (first & 0x20) != 0;
  descriptor.flexible = (first & 0x10) != 0;
  descriptor.starts_frame = (first & 0x08) != 0;
  descriptor.ends_frame = (first & 0x04) != 0;
  descriptor.not_for_upper = (first & 0x01) != 0;
  if ((first & 0x80) != 0) {
    descriptor.picture.picture_id_at = static_cast<std::uint8_t>(in.position());
    const std::uint8_t high = in.u8();
    descriptor.picture.picture_id = high & 0x7f;
    if ((high & 0x80) != 0) {
      descriptor.picture.long_picture_id = true;
      descriptor.picture.picture_id =
          static_cast<std::uint16_t>((descriptor.picture.picture_id << 8) | in.u8());
    }
  }
  if (descriptor.has_layers) {
    const std::uint8_t layer = in.u8();
    descriptor.temporal_id = static_cast<std::uint8_t>(layer >> 5);
    descriptor.switching_up = (layer & 0x10) != 0;
    descriptor.spatial_id = (layer >> 1) & 0x07;
    descriptor.from_lower = (layer & 0x01) != 0;
    if (!descriptor.flexible) {
      descriptor.picture.tl0_at = static_cast<std::uint8_t>(in.position());
      descriptor.picture.tl0 = in.u8();
    }
  }
  if (descriptor.flexible && descriptor.predicted) {
    int references = 0;
    while ((in.u8() & 0x01) != 0) {
      if (++references == kMaxReferences) return std::nullopt;
    }
  }
  if (has_structure) descriptor.structure = read_structure(in);
  if (in.failed()) return std::nullopt;
  descriptor.size = static_cast<std::uint16_t>(in.position());
  return descriptor;
}

}  // namespace roomgate::sfu::rtp
