// Writes one packet as a receiver gets it, in clear, into the send arena: header rewritten, body copied, VP8
// fields set; as media or as RTX (RFC 4588). The source packet is read only and shared by all receivers.
// Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::sfu::send {

// `vp8` is the descriptor of this packet's payload; with `rewrite` its fields are replaced in the copy.
struct Vp8Edit {
  rtp::Vp8Descriptor descriptor;
  rtp::Vp8Rewrite values;
};

// Length written, 0 when it does not fit.
std::size_t write_media(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                        const std::optional<Vp8Edit>& vp8, const rtp::ExtensionPolicy& policy, ByteSpan out);

// `header` is that of the RTX packet: its own SSRC, sequence and payload type, the timestamp of the original.
// `original` is the sequence number the receiver knows the packet by.
std::size_t write_rtx(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                      std::uint16_t original, const std::optional<Vp8Edit>& vp8,
                      const rtp::ExtensionPolicy& policy, ByteSpan out);

}  // namespace roomgate::sfu::send
