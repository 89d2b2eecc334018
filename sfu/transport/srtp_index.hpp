// Packet indices and replay (RFC 3711 3.3.1, 3.3.2): which 48-bit index a sequence number stands for, and
// which indices were seen. Values inside a session's table; pure, no clock.
#pragma once

#include <cstdint>

#include "base/result.hpp"

namespace roomgate::sfu::transport {

enum class SrtpError {
  too_short,
  bad_header,
  no_room,  // protect: the buffer does not hold the tag
  replayed,
  old,  // before the replay window
  authentication_failed,
  index_exhausted,  // 2^48 RTP or 2^31 RTCP packets under one key
  table_full,
};

// The last 128 indices.
class ReplayWindow {
 public:
  static constexpr std::uint64_t kSize = 128;

  Result<void, SrtpError> check(std::uint64_t index) const;
  // Precondition: check(index) is ok.
  void commit(std::uint64_t index);

  bool empty() const { return !begun_; }
  std::uint64_t highest() const { return highest_; }

 private:
  std::uint64_t highest_ = 0;
  std::uint64_t seen_[2] = {0, 0};  // bit i: highest_ - i was seen
  bool begun_ = false;
};

inline constexpr std::uint64_t kMaxRtpIndex = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t kMaxRtcpIndex = (std::uint64_t{1} << 31) - 1;

// The index that `sequence` most likely has. The first packet of a stream has rollover counter 0.
Result<std::uint64_t, SrtpError> rtp_index_of(const ReplayWindow& window, std::uint16_t sequence);

}  // namespace roomgate::sfu::transport
