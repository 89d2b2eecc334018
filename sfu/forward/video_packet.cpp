#include "sfu/forward/video_packet.hpp"

#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::sfu::forward {

VideoPacket describe_video(const rtp::RtpPacketView& packet, std::size_t layer) {
  const rtp::Codec codec = rtp::payload_type(packet.payload_type()).codec;
  VideoPacket video{.layer = layer,
                    .sequence = packet.sequence(),
                    .timestamp = packet.timestamp(),
                    .payload_size = packet.payload().size(),
                    .vp8 = std::nullopt};
  if (codec == rtp::Codec::vp8) {
    video.vp8 = rtp::read_vp8(packet.payload());
    video.starts_keyframe = video.vp8 && video.vp8->keyframe;
    if (video.vp8) video.temporal = video.vp8->temporal_id;
  } else {
    const auto descriptor =
        codec == rtp::Codec::av1 ? rtp::find_extension(packet, rtp::kDependencyDescriptorId) : std::nullopt;
    video.starts_keyframe = rtp::starts_keyframe(codec, packet.payload(), descriptor);
  }
  return video;
}

}  // namespace roomgate::sfu::forward
