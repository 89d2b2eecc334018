// Cuts coded frames into RTP payloads, near equal in size as Chromium does: VP8 (RFC 7741), VP9 (RFC 9628),
// H264 (RFC 6184) and AV1 (the AOM's RTP specification). What changes with each round a sample is played
// (picture ids, TL0PICIDX, frame numbers) is left 0 here and patched by the track. Used while samples are
// made.
#pragma once

#include "bench/roomload/media/sample.hpp"

namespace roomgate::bench::roomload::media {

// With the longest header we write and the stamp behind it, a packet stays within kMaxPacket.
inline constexpr std::size_t kMaxPayload = 1150;

struct CodedFrame {
  ByteView bytes;
  Duration at{};
  std::uint8_t temporal_id = 0;
  bool layer_sync = false;
};

bool is_keyframe(Codec codec, ByteView frame);
// Of a key frame; 0 where it is not told.
struct Size {
  int width = 0;
  int height = 0;
};
Size size_of(Codec codec, ByteView keyframe);

// Appends the frame to `layer`; false when it is not one of this codec, or too large for a frame.
bool append_frame(SampleLayer& layer, Codec codec, const CodedFrame& frame, bool temporal_layers);

// Where a VP8 or VP9 payload has the fields that the track patches: a fixed layout, since we wrote it.
inline constexpr std::size_t kVp8PictureIdAt = 2;  // X, I L T: two bytes of id, TL0PICIDX, TID
inline constexpr std::size_t kVp8Tl0At = 4;
inline constexpr std::size_t kVp8DescriptorBytes = 6;
inline constexpr std::size_t kVp9PictureIdAt =
    1;  // I, L, not flexible: two bytes of id, layer byte, TL0PICIDX
inline constexpr std::size_t kVp9Tl0At = 4;

}  // namespace roomgate::bench::roomload::media
