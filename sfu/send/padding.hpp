// A packet of nothing but padding (RFC 3550 5.1) on an RTX stream: what probes are filled with. It needs no
// history, no decoder ever sees it, and it is small enough that a probe of a thin path does not fill its
// queue. Pure.
#pragma once

#include <cstdint>

#include "base/bytes.hpp"
#include "sfu/rtp/extensions.hpp"

namespace roomgate::sfu::send {

inline constexpr std::size_t kPaddingBytes = 255;  // the most that the last byte can count
inline constexpr std::size_t kPaddingPacket = 20 + kPaddingBytes;

// Length written, 0 when it does not fit.
std::size_t write_padding(const rtp::OutgoingHeader& header, ByteSpan out);

}  // namespace roomgate::sfu::send
