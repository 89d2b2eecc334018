#include "router/tunnel/frames.hpp"

#include <algorithm>

namespace roomgate::router::tunnel {
namespace {

constexpr std::uint8_t kOpcode = 0x0f;
constexpr std::uint8_t kClose = 0x8;
constexpr std::uint8_t kMasked = 0x80;
constexpr std::uint8_t kLength = 0x7f;
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;
constexpr std::uint64_t kMask = 4;

}  // namespace

std::size_t Frames::pass_frame(ByteView bytes) {
  std::size_t at = 0;
  const auto headed = [this] {
    // RFC 6455 5.2: the most significant bit of a long length is 0.
    if ((left_ >> 63) != 0) {
      state_ = State::lost;
      return;
    }
    if (masked_) left_ += kMask;
    state_ = left_ == 0 ? State::between : State::payload;
  };
  while (at < bytes.size()) {
    switch (state_) {
      case State::between:
        closed_ = closed_ || (bytes[at] & kOpcode) == kClose;
        state_ = State::length;
        ++at;
        continue;
      case State::length: {
        masked_ = (bytes[at] & kMasked) != 0;
        const std::uint8_t length = bytes[at] & kLength;
        ++at;
        length_bytes_ = length == kLength64 ? 8 : length == kLength16 ? 2 : 0;
        if (length_bytes_ > 0) {
          left_ = 0;
          state_ = State::long_length;
          continue;
        }
        left_ = length;
        headed();
        break;
      }
      case State::long_length:
        left_ = (left_ << 8) | bytes[at];
        ++at;
        if (--length_bytes_ > 0) continue;
        headed();
        break;
      case State::payload: {
        const auto skipped = std::min<std::uint64_t>(left_, bytes.size() - at);
        left_ -= skipped;
        at += static_cast<std::size_t>(skipped);
        if (left_ == 0) state_ = State::between;
        break;
      }
      case State::lost: return bytes.size();
    }
    if (state_ == State::between) return at;
  }
  return at;
}

CloseFrame::CloseFrame(std::uint16_t code, std::optional<std::uint32_t> mask) {
  constexpr std::uint8_t kFinal = 0x80;
  constexpr std::uint8_t kCodeSize = 2;
  ByteWriter out(bytes_);
  out.u8(kFinal | kClose);
  out.u8(kCodeSize | (mask ? kMasked : std::uint8_t{0}));
  if (mask) out.u32(*mask);
  // The first octets of the mask go over those of the code.
  out.u16(static_cast<std::uint16_t>(code ^ (mask.value_or(0) >> 16)));
  size_ = out.position();
}

}  // namespace roomgate::router::tunnel
