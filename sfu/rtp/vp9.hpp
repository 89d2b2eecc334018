// The VP9 payload descriptor (RFC 9628 4.2): what layer selection must read. Reads no coded data. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/picture_fields.hpp"

namespace roomgate::sfu::rtp {

// Of a scalability structure: how many spatial layers there are from here on.
struct Vp9Structure {
  std::uint8_t spatial_layers = 1;            // 1 to 8
  std::array<std::uint16_t, 8> heights = {};  // 0: not said
};

struct Vp9Descriptor {
  std::uint16_t size = 0;      // of the descriptor
  bool predicted = false;      // P: from earlier pictures
  bool flexible = false;       // F
  bool starts_frame = false;   // B: of a layer frame
  bool ends_frame = false;     // E
  bool not_for_upper = false;  // Z: higher spatial layers do without it
  bool has_layers = false;     // L: the next four were there
  std::uint8_t temporal_id = 0;
  std::uint8_t spatial_id = 0;
  bool switching_up = false;  // U: from here more temporal layers may be taken
  bool from_lower = false;    // D: depends on the spatial layer below
  PictureFields picture;
  std::optional<Vp9Structure> structure;

  // The first packet of a picture that needs no earlier one.
  bool starts_keyframe() const { return !predicted && starts_frame && spatial_id == 0; }
};

// Empty when torn, or where it refers to more pictures than the format allows.
std::optional<Vp9Descriptor> read_vp9(ByteView payload);

}  // namespace roomgate::sfu::rtp
