// Where tracks and receivers put the packets they make: the participant's transport, which seals them.
// Packets are written where they will be sealed, so nothing is copied on the way. One thread.
#pragma once

#include <cstddef>

#include "base/bytes.hpp"

namespace roomgate::bench::roomload::media {

// No packet in clear is longer: what Chromium sends, and what a GCM tag carries to 1216 bytes of datagram.
inline constexpr std::size_t kMaxPacket = 1200;

class Sink {
 public:
  // Room for one packet: at least kMaxPacket bytes, the caller's until its next send_ call. What follows it
  // (a tag's room) is the transport's affair. Asking again without sending gives the same room.
  virtual ByteSpan space() = 0;
  // The first `size` bytes of space() are a packet in clear.
  virtual void send_rtp(std::size_t size) = 0;
  virtual void send_rtcp(std::size_t size) = 0;

 protected:
  ~Sink() = default;
};

}  // namespace roomgate::bench::roomload::media
