// Sees every frame that a client sends before libnghttp2 does: that passes over some without a word (frames
// of unknown kinds, PRIORITY, frames on closed streams), and each of them can be a flood. Bytes in, frame
// heads out; no payload is kept but the few bytes that say how much of it is padding, or who depends on whom.
// One connection's, its thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace roomgate::router::h2 {

struct FrameHead {
  std::uint32_t length = 0;
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  bool empty = false;              // nothing but padding
  bool depends_on_itself = false;  // RFC 7540 5.3.1
};

class FrameScanner {
 public:
  // The next frame whose head is complete; `in` moves behind what was looked at. nullopt: all of `in` was.
  std::optional<FrameHead> next(ByteView& in);
  // A request's head, or trailers, has begun and not ended.
  bool in_head() const { return in_head_; }

 private:
  static constexpr std::size_t kHead = 9;
  FrameHead made() const;
  std::size_t wanted() const;

  std::size_t preface_left_ = 24;
  std::uint32_t skip_ = 0;  // payload that is still to come
  std::size_t have_ = 0;
  bool in_head_ = false;
  bool ends_head_ = false;  // with the payload that is still to come
  std::array<std::uint8_t, kHead + 5> bytes_{};
};

}  // namespace roomgate::router::h2
