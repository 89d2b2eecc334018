// Where a VP8 or VP9 payload descriptor keeps its picture id and TL0PICIDX, and their values: the two that
// are continued when streams are joined. Values; any thread.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"

namespace roomgate::sfu::rtp {

struct PictureFields {
  std::uint8_t picture_id_at = 0;  // offset in the payload, 0: absent
  bool long_picture_id = false;    // 15 bits, else 7
  std::uint8_t tl0_at = 0;         // 0: absent
  std::uint8_t tl0 = 0;
  std::uint16_t picture_id = 0;
  friend bool operator==(const PictureFields&, const PictureFields&) = default;
};

// Writes the values where they belong, each in the width it has.
inline void write_picture_fields(ByteSpan payload, const PictureFields& fields) {
  const std::size_t id_at = fields.picture_id_at;
  if (id_at != 0 && id_at + (fields.long_picture_id ? 2 : 1) <= payload.size()) {
    if (fields.long_picture_id) {
      store16(&payload[id_at], static_cast<std::uint16_t>(0x8000u | fields.picture_id));
    } else {
      payload[id_at] = static_cast<std::uint8_t>(fields.picture_id & 0x7f);
    }
  }
  if (fields.tl0_at != 0 && fields.tl0_at < payload.size()) payload[fields.tl0_at] = fields.tl0;
}

}  // namespace roomgate::sfu::rtp
