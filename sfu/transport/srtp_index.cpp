#include "sfu/transport/srtp_index.hpp"

namespace roomgate::sfu::transport {

Result<void, SrtpError> ReplayWindow::check(std::uint64_t index) const {
  if (!begun_ || index > highest_) return {};
  const std::uint64_t behind = highest_ - index;
  if (behind >= kSize) return fail(SrtpError::old);
  if (((seen_[behind / 64] >> (behind % 64)) & 1) != 0) return fail(SrtpError::replayed);
  return {};
}

void ReplayWindow::commit(std::uint64_t index) {
  if (begun_ && index <= highest_) {
    const std::uint64_t behind = highest_ - index;
    if (behind < kSize) seen_[behind / 64] |= std::uint64_t{1} << (behind % 64);
    return;
  }
  const std::uint64_t ahead = begun_ ? index - highest_ : kSize;
  if (ahead >= kSize) {
    seen_[0] = seen_[1] = 0;
  } else if (ahead >= 64) {
    seen_[1] = seen_[0] << (ahead - 64);
    seen_[0] = 0;
  } else {
    seen_[1] = (seen_[1] << ahead) | (seen_[0] >> (64 - ahead));
    seen_[0] <<= ahead;
  }
  seen_[0] |= 1;
  highest_ = index;
  begun_ = true;
}

Result<std::uint64_t, SrtpError> rtp_index_of(const ReplayWindow& window, std::uint16_t sequence) {
  constexpr std::uint64_t kHalf = 0x8000;
  if (window.empty()) return std::uint64_t{sequence};
  const std::uint64_t rollover = window.highest() >> 16;
  const std::uint64_t last = window.highest() & 0xffff;
  std::uint64_t guess = rollover;
  if (last < kHalf) {
    // RFC 3711 3.3.1 takes such a jump for a late packet of the turn before. In the first turn there is none:
    // it can only be a large step forward (libsrtp decides the same).
    if (sequence > last + kHalf && rollover > 0) guess = rollover - 1;
  } else if (last - kHalf > sequence) {
    guess = rollover + 1;
  }
  const std::uint64_t index = (guess << 16) | sequence;
  if (index > kMaxRtpIndex) return fail(SrtpError::index_exhausted);
  return index;
}

}  // namespace roomgate::sfu::transport
