#include "sfu/forward/video_packet.hpp"

#include <algorithm>

#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/vp8.hpp"
#include "sfu/rtp/vp9.hpp"

namespace roomgate::sfu::forward {
namespace {

constexpr std::size_t kHighestTemporal = kMaxTemporals - 1;

std::uint8_t clamp_temporal(unsigned temporal) {
  return static_cast<std::uint8_t>(std::min<std::size_t>(temporal, kHighestTemporal));
}

VideoPacket begin_description(const rtp::RtpPacketView& packet, std::size_t stream) {
  VideoPacket video;
  video.codec = rtp::payload_type(packet.payload_type()).codec;
  video.stream = stream;
  video.sequence = packet.sequence();
  video.timestamp = packet.timestamp();
  video.payload_size = packet.payload().size();
  return video;
}

// From a key frame on, everything can be had.
void mark_keyframe(VideoPacket& video) {
  video.starts_keyframe = true;
  video.switches = LayerSet::everything();
  video.switch_from = 0;
  video.references.reset();
}

void read_vp8(VideoPacket& video, ByteView payload) {
  const auto descriptor = rtp::read_vp8(payload);
  if (!descriptor) return;
  video.picture = descriptor->picture();
  video.starts_frame = descriptor->start_of_partition && descriptor->partition == 0;
  if (descriptor->has_temporal_id) {
    video.temporal = clamp_temporal(descriptor->temporal_id);
    video.needed_by = {};
    for (std::size_t t = video.temporal; t < kMaxTemporals; ++t) video.needed_by.add(0, t);
    // RFC 7741 4.2: with Y it depends on the base layer alone.
    if (descriptor->layer_sync && video.temporal > 0) {
      video.switches.add(0, video.temporal);
      video.switch_from = static_cast<std::uint8_t>(video.temporal - 1);
    }
  }
  if (descriptor->keyframe) mark_keyframe(video);
}

void read_vp9(VideoPacket& video, ByteView payload) {
  const auto descriptor = rtp::read_vp9(payload);
  if (descriptor) video.picture = descriptor->picture;
  if (!descriptor || descriptor->spatial_id >= kMaxLayers) {
    video.needed_by = {};
    return;
  }
  video.starts_frame = descriptor->starts_frame;
  video.ends_frame = descriptor->ends_frame;
  video.spatial = descriptor->spatial_id;
  video.temporal = clamp_temporal(descriptor->temporal_id);
  video.needed_by = {};
  for (std::size_t s = video.spatial; s < kMaxLayers; ++s) {
    if (s > video.spatial && descriptor->not_for_upper) break;
    for (std::size_t t = video.temporal; t < kMaxTemporals; ++t) video.needed_by.add(s, t);
  }
  // RFC 9628 4.2: pictures after it with a higher TID need none of those before it with a higher TID.
  if (descriptor->switching_up) {
    video.switch_from = video.temporal;
    for (std::size_t s = 0; s < kMaxLayers; ++s) {
      for (std::size_t t = video.temporal; t < kMaxTemporals; ++t) video.switches.add(s, t);
    }
  }
  if (descriptor->structure) {
    StreamLayers layers;
    layers.count =
        static_cast<std::uint8_t>(std::min<std::size_t>(descriptor->structure->spatial_layers, kMaxLayers));
    layers.active = static_cast<std::uint8_t>((1u << layers.count) - 1);
    std::copy_n(descriptor->structure->heights.begin(), layers.count, layers.heights.begin());
    video.layers = layers;
  }
  if (descriptor->starts_keyframe()) mark_keyframe(video);
}

std::uint8_t active_layers(const rtp::DependencyStructure& structure, std::uint32_t targets) {
  unsigned active = 0;
  for (std::size_t target = 0; target < structure.targets; ++target) {
    if ((targets >> target & 1) != 0) active |= 1u << structure.layers[target].spatial;
  }
  return static_cast<std::uint8_t>(active);
}

}  // namespace

void VideoReader::Structures::adopt(std::size_t index) {
  current = index;
  any = true;
  target_of.fill(-1);
  const rtp::DependencyStructure& structure = held[current];
  for (std::size_t target = 0; target < structure.targets; ++target) {
    const auto& layer = structure.layers[target];
    // It stands for higher temporal layers as well, unless they have targets of their own.
    for (std::size_t t = clamp_temporal(layer.temporal); t < kMaxTemporals; ++t) {
      std::int8_t& held_target = target_of[layer.spatial * kMaxTemporals + t];
      const auto index_of = static_cast<std::size_t>(held_target);
      if (held_target < 0 || structure.layers[index_of].temporal < layer.temporal) {
        held_target = static_cast<std::int8_t>(target);
      }
    }
  }
}

VideoPacket VideoReader::read(const rtp::RtpPacketView& packet, std::size_t stream) {
  VideoPacket video = begin_description(packet, stream);
  switch (video.codec) {
    case rtp::Codec::vp8: read_vp8(video, packet.payload()); break;
    case rtp::Codec::vp9: read_vp9(video, packet.payload()); break;
    case rtp::Codec::av1:
      if (rtp::av1_starts_keyframe(packet.payload())) mark_keyframe(video);
      break;
    case rtp::Codec::h264: read_h264(video, packet.payload()); break;
    case rtp::Codec::unknown:
    case rtp::Codec::opus:
    case rtp::Codec::telephone_event:
    case rtp::Codec::rtx: return video;
  }
  const auto bytes = rtp::find_extension(packet, rtp::kDependencyDescriptorId);
  if (bytes && stream < structures_.size()) read_descriptor(video, *bytes);
  return video;
}

// A picture without its parameter sets is no beginning, where the stream has them at all.
void VideoReader::read_h264(VideoPacket& video, ByteView payload) {
  const std::uint32_t stream = 1u << (video.stream % 32);
  const bool parameters = rtp::h264_has_sps(payload);
  if (parameters) with_parameters_ |= stream;
  if (parameters || ((with_parameters_ & stream) == 0 && rtp::h264_starts_keyframe(payload)))
    mark_keyframe(video);
}

// Where it is there it counts, whatever the codec: Chromium then leaves out what VP8's own descriptor would
// say, and a receiver goes by it.
void VideoReader::read_descriptor(VideoPacket& video, ByteView bytes) {
  video.starts_keyframe = false;
  video.switches = {};
  video.switch_from = 0;
  if (!structures_[video.stream]) structures_[video.stream] = std::make_unique<Structures>();
  Structures& kept = *structures_[video.stream];
  const rtp::DependencyStructure* known = kept.any ? &kept.held[kept.current] : nullptr;
  const std::size_t spare = 1 - kept.current;
  const auto descriptor = rtp::read_dependency_descriptor(bytes, known, kept.held[spare]);
  if (!descriptor) {
    video.needed_by = {};
    return;
  }
  if (descriptor->places.has_structure) kept.adopt(spare);
  const rtp::DependencyStructure& structure = kept.held[kept.current];
  if (descriptor->active_targets) kept.active_targets = *descriptor->active_targets;

  video.starts_frame = descriptor->starts_frame;
  video.ends_frame = descriptor->ends_frame;
  video.spatial = descriptor->spatial;
  video.temporal = clamp_temporal(descriptor->temporal);
  video.needed_by = {};
  for (std::size_t s = 0; s < structure.spatial_layers; ++s) {
    for (std::size_t t = 0; t < kMaxTemporals; ++t) {
      const std::int8_t target = kept.target_of[s * kMaxTemporals + t];
      if (target < 0) continue;
      const rtp::TargetUse use = descriptor->uses[static_cast<std::size_t>(target)];
      if (use != rtp::TargetUse::absent) video.needed_by.add(s, t);
      if (use == rtp::TargetUse::switching) video.switches.add(s, t);
    }
  }
  video.references = descriptor->references;
  video.frame =
      FrameNumbers{.number = descriptor->frame_number,
                   .template_id = descriptor->template_id,
                   .template_end = static_cast<std::uint8_t>(structure.template_offset + structure.templates),
                   .template_offset = structure.template_offset,
                   .places = descriptor->places,
                   .structure = &structure,
                   .active_targets = kept.active_targets};
  if (descriptor->active_targets) {
    StreamLayers layers{.count = structure.spatial_layers,
                        .active = active_layers(structure, kept.active_targets)};
    std::copy_n(structure.heights.begin(), layers.count, layers.heights.begin());
    video.layers = layers;
  }
  if (descriptor->places.has_structure && descriptor->starts_frame) mark_keyframe(video);
}

VideoPacket VideoReader::read_again(const rtp::RtpPacketView& packet, std::size_t stream) const {
  VideoPacket video = begin_description(packet, stream);
  if (video.codec == rtp::Codec::vp8) {
    if (const auto descriptor = rtp::read_vp8(packet.payload())) video.picture = descriptor->picture();
  } else if (video.codec == rtp::Codec::vp9) {
    if (const auto descriptor = rtp::read_vp9(packet.payload())) video.picture = descriptor->picture;
  }
  const auto bytes = rtp::find_extension(packet, rtp::kDependencyDescriptorId);
  const auto mark = bytes ? rtp::read_frame_mark(*bytes) : std::nullopt;
  if (!mark) return video;
  video.frame = FrameNumbers{.number = mark->frame_number, .template_id = mark->template_id};
  if (!mark->has_structure) return video;
  rtp::DependencyStructure attached;
  const auto descriptor = rtp::read_dependency_descriptor(*bytes, nullptr, attached);
  if (!descriptor) return video;
  video.frame->places = descriptor->places;
  const Structures* kept = stream < structures_.size() ? structures_[stream].get() : nullptr;
  if (kept != nullptr && kept->any && kept->held[kept->current].template_offset == attached.template_offset &&
      kept->held[kept->current].targets == attached.targets) {
    video.frame->structure = &kept->held[kept->current];
    video.frame->active_targets = kept->active_targets;
  }
  return video;
}

}  // namespace roomgate::sfu::forward
