// Which protocol a datagram on the media port speaks, told by its first bytes (RFC 7983 7; RTP or RTCP by RFC
// 5761 4). A pure function: first step of the packet's path, on the worker's thread.
#pragma once

#include "base/bytes.hpp"

namespace roomgate::sfu::transport {

enum class DatagramKind { stun, dtls, rtp, rtcp, other };

constexpr DatagramKind classify(ByteView datagram) {
  if (datagram.empty()) return DatagramKind::other;
  const std::uint8_t first = datagram[0];
  if (first <= 3) return DatagramKind::stun;
  if (first >= 20 && first <= 63) return DatagramKind::dtls;
  if (first < 128 || first > 191 || datagram.size() < 2) return DatagramKind::other;
  // RFC 5761 4: with marker, payload types 64 to 95 are kept free for RTCP types 192 to 223.
  const std::uint8_t second = datagram[1];
  return second >= 192 && second <= 223 ? DatagramKind::rtcp : DatagramKind::rtp;
}

}  // namespace roomgate::sfu::transport
