// Does a packet begin a key frame? Looks at payload descriptors and NAL or OBU headers only, never at coded
// data, so that end-to-end encrypted video works; AV1 by its dependency descriptor where the packet has one.
// Any thread.
#pragma once

#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::sfu::rtp {

bool starts_keyframe(Codec codec, ByteView payload, std::optional<ByteView> dependency_descriptor);

// The parts, for tests and for callers that know the codec.
bool vp9_starts_keyframe(ByteView payload);
bool h264_starts_keyframe(ByteView payload);
bool h264_has_sps(ByteView payload);
bool av1_starts_keyframe(ByteView payload);
bool descriptor_starts_keyframe(ByteView dependency_descriptor);

}  // namespace roomgate::sfu::rtp
