#include "sfu/forward/sr_rewrite.hpp"

namespace roomgate::sfu::forward {

rtp::SenderReport rewrite_sender_report(const rtp::SenderReport& report, std::uint32_t ssrc,
                                        std::uint32_t timestamp_offset, OutgoingCounts counts) {
  rtp::SenderReport out = report;
  out.ssrc = ssrc;
  out.rtp_timestamp += timestamp_offset;
  out.packets = counts.packets;
  out.octets = counts.octets;
  return out;
}

}  // namespace roomgate::sfu::forward
