// A received video packet as the forwarders need it: read once, shown to every receiver.
//
// All codecs come down to the same few facts. A packet belongs to a frame of a spatial and a temporal layer.
// `needed_by` says for whom it is: the receivers of which spatial layer (of this stream) up to which temporal
// one. `switches` says from which frame on more temporal layers can be had. What VP8 says by TID and Y, VP9
// by TID, SID, U and Z, AV1 says by decode target indications.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "sfu/forward/target.hpp"
#include "sfu/rtp/dependency_descriptor.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/payload_types.hpp"
#include "sfu/rtp/picture_fields.hpp"

namespace roomgate::sfu::forward {

// A set of (spatial, temporal) pairs.
class LayerSet {
 public:
  static constexpr LayerSet everything() { return LayerSet(0xffff); }
  constexpr LayerSet() = default;

  constexpr void add(std::size_t spatial, std::size_t temporal) { bits_ |= bit(spatial, temporal); }
  constexpr bool has(std::size_t spatial, std::size_t temporal) const {
    return (bits_ & bit(spatial, temporal)) != 0;
  }
  // Any pair of a spatial layer above this one.
  constexpr bool has_above(std::size_t spatial) const {
    return (std::uint32_t{bits_} >> (kMaxTemporals * (spatial + 1))) != 0;
  }
  friend constexpr bool operator==(LayerSet, LayerSet) = default;

 private:
  constexpr explicit LayerSet(std::uint16_t bits) : bits_(bits) {}
  static constexpr std::uint16_t bit(std::size_t spatial, std::size_t temporal) {
    return static_cast<std::uint16_t>(1u << (kMaxTemporals * spatial + temporal));
  }
  static_assert(kMaxLayers * kMaxTemporals <= 16);
  std::uint16_t bits_ = 0;
};

// Said with a key frame by codecs that can: the spatial layers of this stream from here on.
struct StreamLayers {
  std::uint8_t count = 1;
  std::uint8_t active = 1;                          // bit s: spatial layer s is being sent
  std::array<std::uint16_t, kMaxLayers> heights{};  // 0: not said
};

// Of a dependency descriptor: what continues a stream's frame numbers and template ids, and tells a receiver
// what it can decode.
struct FrameNumbers {
  std::uint16_t number = 0;
  std::uint8_t template_id = 0;
  std::uint8_t template_end = 0;  // one past the last template id, with a structure
  std::uint8_t template_offset = 0;
  rtp::DescriptorPlaces places;
  const rtp::DependencyStructure* structure = nullptr;  // borrowed from the reader; null: could not be read
  std::uint32_t active_targets = 0;
};

struct VideoPacket {
  rtp::Codec codec = rtp::Codec::unknown;
  std::size_t stream = 0;  // which of the source's SSRCs, low to high
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::size_t payload_size = 0;  // 0: padding only, a probe
  bool starts_keyframe = false;
  bool starts_frame = false;  // of its spatial layer
  bool ends_frame = false;
  std::uint8_t spatial = 0;  // within its stream
  std::uint8_t temporal = 0;
  LayerSet needed_by = LayerSet::everything();

  // From this frame on a receiver that had all up to temporal layer `switch_from` can have these.
  LayerSet switches;
  std::uint8_t switch_from = 0;
  std::optional<rtp::References> references;  // and must have had these frames, where they are named

  std::optional<StreamLayers> layers;
  std::optional<rtp::PictureFields> picture;  // VP8, VP9
  std::optional<FrameNumbers> frame;          // with a dependency descriptor

  // Among the source's layers: simulcast streams, or the spatial layers of its only stream.
  std::size_t layer() const { return stream + spatial; }
};

// Reads the packets of one source: the only state is the structure that a dependency descriptor brings
// once, for all packets that follow.
class VideoReader {
 public:
  // `packet` in clear, not RTX.
  VideoPacket read(const rtp::RtpPacketView& packet, std::size_t stream);
  // What a packet that is sent once more needs: its numbers and where they are, without its layers.
  VideoPacket read_again(const rtp::RtpPacketView& packet, std::size_t stream) const;

 private:
  struct Structures {
    std::array<rtp::DependencyStructure, 2> held;  // the one in use, and room for the next
    std::size_t current = 0;
    bool any = false;
    std::uint32_t active_targets = 0;
    // The decode target of each (spatial, temporal), -1 where the layer does not exist.
    std::array<std::int8_t, kMaxLayers * kMaxTemporals> target_of{};

    void adopt(std::size_t index);
  };
  void read_h264(VideoPacket& video, ByteView payload);
  void read_descriptor(VideoPacket& video, ByteView bytes);

  std::array<std::unique_ptr<Structures>, kMaxLayers> structures_;  // by stream, made when first needed
  std::uint32_t with_parameters_ = 0;  // H264: bit s: stream s has sent its parameter sets
};

}  // namespace roomgate::sfu::forward
