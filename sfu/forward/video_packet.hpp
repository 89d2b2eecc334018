// A received video packet as the forwarders need it: read once, shown to every receiver. Values; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "sfu/forward/target.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/vp8.hpp"

namespace roomgate::sfu::forward {

struct VideoPacket {
  std::size_t layer = 0;
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;
  std::size_t payload_size = 0;  // 0: padding only, a probe
  bool starts_keyframe = false;
  std::uint8_t temporal = 0;
  std::optional<rtp::Vp8Descriptor> vp8;
};

// Reads what VideoPacket wants. `packet` in clear, not RTX.
VideoPacket describe_video(const rtp::RtpPacketView& packet, std::size_t layer);

}  // namespace roomgate::sfu::forward
