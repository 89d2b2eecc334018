// The VP8 payload descriptor (RFC 7741 4.2): what layer switching must read, and the two fields it must
// rewrite. Reads one byte beyond the descriptor, which end-to-end encryption leaves in clear. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/picture_fields.hpp"

namespace roomgate::sfu::rtp {

struct Vp8Descriptor {
  std::uint8_t size = 0;            // of the descriptor
  std::uint8_t partition = 0;       // PID
  bool start_of_partition = false;  // S
  bool non_reference = false;       // N
  bool keyframe = false;            // first packet of a key frame
  std::uint8_t picture_id_at = 0;   // offset, 0: absent
  bool long_picture_id = false;     // 15 bits
  std::uint16_t picture_id = 0;
  std::uint8_t tl0_at = 0;  // offset of TL0PICIDX, 0: absent
  std::uint8_t tl0 = 0;
  bool has_temporal_id = false;
  std::uint8_t temporal_id = 0;
  bool layer_sync = false;  // Y
  std::optional<std::uint8_t> key_index;

  PictureFields picture() const { return {picture_id_at, long_picture_id, tl0_at, tl0, picture_id}; }
};

// Empty when torn.
std::optional<Vp8Descriptor> read_vp8(ByteView payload);

struct Vp8Rewrite {
  std::uint16_t picture_id = 0;
  std::uint8_t tl0 = 0;
  friend bool operator==(const Vp8Rewrite&, const Vp8Rewrite&) = default;
};

// Writes the fields that are present, each in the width it has. `descriptor` must come from these bytes.
void rewrite_vp8(ByteSpan payload, const Vp8Descriptor& descriptor, const Vp8Rewrite& values);

}  // namespace roomgate::sfu::rtp
