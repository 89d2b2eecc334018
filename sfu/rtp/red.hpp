// RED, redundant audio (RFC 2198): what is new in a packet stands last, behind what came before. Read only to
// hand a receiver that does not know RED what is new. Pure; hostile input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace roomgate::sfu::rtp {

struct RedPrimary {
  std::uint8_t payload_type = 0;
  std::size_t offset = 0;  // where its data begins in the payload; it goes on to the end
  friend bool operator==(const RedPrimary&, const RedPrimary&) = default;
};

// Empty when the payload is torn: headers without end, or lengths beyond it.
std::optional<RedPrimary> read_red(ByteView payload);

}  // namespace roomgate::sfu::rtp
