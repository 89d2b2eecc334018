// The client's own measure of how loud a packet is (RFC 6464). Only after the packet was authenticated:
// before that anybody could become the dominant speaker (shard rule 13).
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"

namespace roomgate::sfu::receive {

struct AudioLevel {
  std::uint8_t level = 127;  // -dBov: 0 is the loudest, 127 silence
  bool voice = false;
  friend bool operator==(const AudioLevel&, const AudioLevel&) = default;
};

inline std::optional<AudioLevel> read_audio_level(const rtp::RtpPacketView& packet,
                                                  std::uint8_t id = rtp::kAudioLevelId) {
  const auto data = rtp::find_extension(packet, id);
  // Two-byte headers may carry a level of more than one byte; the first is the level in either form.
  if (!data || data->empty()) return std::nullopt;
  const std::uint8_t byte = data->front();
  return AudioLevel{.level = static_cast<std::uint8_t>(byte & 0x7f), .voice = (byte & 0x80) != 0};
}

}  // namespace roomgate::sfu::receive
