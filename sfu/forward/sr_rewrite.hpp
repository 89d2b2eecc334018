// Sender reports towards receivers: same NTP time, the timestamp on the outgoing clock, our own counts. That
// is what keeps lips in step with voices. Pure.
#pragma once

#include <cstdint>

#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::forward {

struct OutgoingCounts {
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
};

rtp::SenderReport rewrite_sender_report(const rtp::SenderReport& report, std::uint32_t ssrc,
                                        std::uint32_t timestamp_offset, OutgoingCounts counts);

}  // namespace roomgate::sfu::forward
