// The dependency descriptor header extension (AV1 RTP, appendix A): which frame a packet belongs to, and
// which decode targets need that frame, mostly by reference to a template that came with a key frame. Says so
// without a look at coded data, for end-to-end encrypted video as well. Pure; any thread.
//
// Every bound of the format is a bound here: 64 templates, 32 decode targets, 4 spatial layers. What does not
// fit them, or is torn, is refused as a whole.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace roomgate::sfu::rtp {

// Of a frame, towards one decode target.
enum class TargetUse : std::uint8_t { absent = 0, discardable = 1, switching = 2, required = 3 };

// Towards each decode target, two bits each.
class TargetUses {
 public:
  TargetUse operator[](std::size_t target) const { return static_cast<TargetUse>(bits_ >> (2 * target) & 3); }
  void set(std::size_t target, TargetUse use) {
    bits_ = (bits_ & ~(std::uint64_t{3} << (2 * target))) | std::uint64_t{static_cast<std::uint8_t>(use)}
                                                                << (2 * target);
  }
  friend bool operator==(const TargetUses&, const TargetUses&) = default;

 private:
  std::uint64_t bits_ = 0;
};

// The frames a frame refers to: bit d - 1 for the one d frame numbers before.
struct References {
  std::uint64_t near = 0;
  bool far = false;  // one further back than 64
};

struct DependencyTemplate {
  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  TargetUses uses;
  References references;
};

struct DependencyStructure {
  static constexpr std::size_t kMaxTemplates = 64;
  static constexpr std::size_t kMaxTargets = 32;
  static constexpr std::size_t kMaxSpatial = 4;

  std::uint8_t template_offset = 0;
  std::uint8_t templates = 0;
  std::uint8_t targets = 0;
  std::uint8_t chains = 0;
  std::uint8_t spatial_layers = 1;
  std::array<DependencyTemplate, kMaxTemplates> by_index;
  std::array<std::uint16_t, kMaxSpatial> heights{};  // 0: not said

  // What a decode target amounts to: the highest layers among the frames that it needs.
  struct TargetLayer {
    std::uint8_t spatial = 0;
    std::uint8_t temporal = 0;
  };
  std::array<TargetLayer, kMaxTargets> layers{};

  std::uint32_t all_targets() const { return static_cast<std::uint32_t>((std::uint64_t{1} << targets) - 1); }
};

// Where in the bytes the parts are that a rewrite touches.
struct DescriptorPlaces {
  bool has_structure = false;
  bool has_active = false;      // the mask of active targets is there
  std::uint16_t active_at = 0;  // the bit where it is, or would be
};

struct DependencyDescriptor {
  bool starts_frame = false;
  bool ends_frame = false;
  std::uint8_t template_id = 0;
  std::uint16_t frame_number = 0;
  std::optional<std::uint32_t> active_targets;  // all of a structure that says nothing
  DescriptorPlaces places;

  std::uint8_t spatial = 0;
  std::uint8_t temporal = 0;
  TargetUses uses;
  References references;
};

// The part that needs no structure; empty when shorter than that. All packets have it.
struct FrameMark {
  bool starts_frame = false;
  bool ends_frame = false;
  bool has_structure = false;
  std::uint8_t template_id = 0;
  std::uint16_t frame_number = 0;
};
std::optional<FrameMark> read_frame_mark(ByteView descriptor);

// `known` is the structure of the stream so far, null when there is none. A structure that is attached is
// written to `attached`, and describes its own packet already. Empty when torn, or without a structure that
// has its template.
std::optional<DependencyDescriptor> read_dependency_descriptor(ByteView descriptor,
                                                               const DependencyStructure* known,
                                                               DependencyStructure& attached);

// What changes in a descriptor on the way: numbers go on where streams are joined, and the receiver is told
// which targets it can decode.
struct DescriptorRewrite {
  std::uint8_t template_shift = 0;   // added to template ids, modulo 64
  std::uint16_t frame_shift = 0;     // added to frame numbers
  std::uint32_t active_targets = 0;  // with `targets` > 0
  std::uint8_t targets = 0;          // how many the structure has; 0: the mask stays as it is
  DescriptorPlaces places;
  friend bool operator==(const DescriptorRewrite& a, const DescriptorRewrite& b) {
    return a.template_shift == b.template_shift && a.frame_shift == b.frame_shift &&
           a.active_targets == b.active_targets && a.targets == b.targets;
  }
};

inline constexpr std::size_t kDescriptorGrowth = 5;  // a mask of 32 targets and the flags before it
inline constexpr std::size_t kMaxDescriptor = 255;   // of a two-byte header element

// Length written; 0 when it does not fit `out`. `rewrite.places` must come from these bytes.
std::size_t rewrite_descriptor(ByteView descriptor, const DescriptorRewrite& rewrite, ByteSpan out);

}  // namespace roomgate::sfu::rtp
