#include "sfu/rtp/keyframe.hpp"

#include "sfu/rtp/vp8.hpp"

namespace roomgate::sfu::rtp {

bool starts_keyframe(Codec codec, ByteView payload, std::optional<ByteView> dependency_descriptor) {
  switch (codec) {
    case Codec::vp8: {
      const auto descriptor = read_vp8(payload);
      return descriptor && descriptor->keyframe;
    }
    case Codec::vp9: return vp9_starts_keyframe(payload);
    case Codec::h264: return h264_starts_keyframe(payload);
    case Codec::av1:
      return dependency_descriptor ? descriptor_starts_keyframe(*dependency_descriptor)
                                   : av1_starts_keyframe(payload);
    case Codec::unknown:
    case Codec::opus:
    case Codec::telephone_event:
    case Codec::rtx: return false;
  }
  return false;
}

// RFC 9628 4.2: begin of a frame (B), not predicted from earlier ones (P = 0), in the lowest spatial layer.
bool vp9_starts_keyframe(ByteView payload) {
  ByteReader in(payload);
  const std::uint8_t first = in.u8();
  const bool picture_id = (first & 0x80) != 0;
  const bool predicted = (first & 0x40) != 0;
  const bool layers = (first & 0x20) != 0;
  const bool begins = (first & 0x08) != 0;
  if (in.failed() || predicted || !begins) return false;
  if (!layers) return true;
  if (picture_id && (in.u8() & 0x80) != 0) in.skip(1);
  const std::uint8_t layer = in.u8();
  if (in.failed()) return false;
  const unsigned spatial = (layer >> 1) & 0x07;
  return spatial == 0;
}

namespace {

constexpr std::uint8_t kIdr = 5;
constexpr std::uint8_t kSps = 7;

// RFC 6184: a unit for which `is_it(type)`, alone, in a STAP-A, or as the first fragment of an FU-A.
template <class IsIt>
bool h264_begins(ByteView payload, IsIt&& is_it) {
  constexpr std::uint8_t kStapA = 24;
  constexpr std::uint8_t kFuA = 28;
  const auto is_key = [&is_it](std::uint8_t header) { return is_it(header & 0x1f); };
  ByteReader in(payload);
  const std::uint8_t first = in.u8();
  if (in.failed()) return false;
  const std::uint8_t type = first & 0x1f;
  if (type == kStapA) {
    while (in.left() > 2) {
      const ByteView unit = in.bytes(in.u16());
      if (in.failed()) return false;
      if (!unit.empty() && is_key(unit[0])) return true;
    }
    return false;
  }
  if (type == kFuA) {
    const std::uint8_t fragment = in.u8();
    return !in.failed() && (fragment & 0x80) != 0 && is_key(fragment);
  }
  return is_key(first);
}

}  // namespace

bool h264_starts_keyframe(ByteView payload) {
  return h264_begins(payload, [](int type) { return type == kIdr || type == kSps; });
}

bool h264_has_sps(ByteView payload) {
  return h264_begins(payload, [](int type) { return type == kSps; });
}

// AV1 RTP 4.4: N marks the first packet of a coded video sequence; such a packet can not continue an OBU (Z).
bool av1_starts_keyframe(ByteView payload) {
  if (payload.size() < 2) return false;
  return (payload[0] & 0x08) != 0 && (payload[0] & 0x80) == 0;
}

// AV1 RTP A.8: a template structure is attached to the first packet of a key frame, and to no other.
bool descriptor_starts_keyframe(ByteView descriptor) {
  if (descriptor.size() < 4) return false;
  const bool starts_frame = (descriptor[0] & 0x80) != 0;
  const bool has_structure = (descriptor[3] & 0x80) != 0;
  return starts_frame && has_structure;
}

}  // namespace roomgate::sfu::rtp
