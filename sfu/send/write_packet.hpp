// Writes one packet as a receiver gets it, in clear, into the send arena: header rewritten, body copied, the
// codec's numbers set; as media or as RTX (RFC 4588). The source packet is read only and shared by all
// receivers. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "sfu/rtp/dependency_descriptor.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/picture_fields.hpp"

namespace roomgate::sfu::send {

// What differs from the source packet beyond the header. The places come from this very packet.
struct Edit {
  std::optional<rtp::PictureFields> picture;         // VP8, VP9: new values
  std::optional<rtp::DescriptorRewrite> descriptor;  // AV1
  bool empty = false;                                // header only: it fills a number
  std::size_t skip = 0;                              // payload bytes left out at its front
};

// Most bytes that a written packet can have beyond its source.
inline constexpr std::size_t kGrowth = rtp::kHeaderGrowth + rtp::kDescriptorGrowth;

// Length written, 0 when it does not fit.
std::size_t write_media(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header, const Edit& edit,
                        const rtp::ExtensionPolicy& policy, ByteSpan out);

// `header` is that of the RTX packet: its own SSRC, sequence and payload type, the timestamp of the original.
// `original` is the sequence number the receiver knows the packet by.
std::size_t write_rtx(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                      std::uint16_t original, const Edit& edit, const rtp::ExtensionPolicy& policy,
                      ByteSpan out);

}  // namespace roomgate::sfu::send
