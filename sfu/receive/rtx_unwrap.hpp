// RTX back to the packet it repeats (RFC 4588 4), in place: the header moves two bytes up over the original
// sequence number. On the endpoint's worker, after authentication.
#pragma once

#include <cstdint>

#include "sfu/rtp/packet_buffer.hpp"

namespace roomgate::sfu::receive {

enum class Unwrapped {
  media,    // the buffer now holds the original packet
  padding,  // a probe without payload: nothing to forward
  malformed,
};

// `media_ssrc` is the stream that the packet's SSRC repairs; its payload type comes from the offer's table.
Unwrapped unwrap_rtx(rtp::PacketBuffer& packet, std::uint32_t media_ssrc);

}  // namespace roomgate::sfu::receive
