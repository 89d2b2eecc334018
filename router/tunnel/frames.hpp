// Where one way of a WebSocket connection stands between its frames (RFC 6455 5.2), told by nothing but the
// bytes that pass: so that a frame of ours can be put between two of theirs. Payload is skipped by
// arithmetic, and of a header only what says its length is looked at; whether a frame is a good one is for
// its receiver. Sans-I/O; a value of its tunnel, of which there are tens of thousands: 16 bytes.
//
//   between  --byte 1-->  length byte  --byte 2-->  long length, payload, or between
//   any      --a length of 2^63 or more-->  lost: no WebSocket, never between again
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"

namespace roomgate::router::tunnel {

class Frames {
 public:
  void pass(ByteView bytes) {
    // Most of what passes much is in the middle of a frame.
    if (state_ == State::payload && bytes.size() < left_) {
      left_ -= bytes.size();
      return;
    }
    while (!bytes.empty()) bytes = bytes.subspan(pass_frame(bytes));
  }
  // Not beyond the end of the frame that is under way, or begins here: how many of `bytes` are of it.
  std::size_t pass_frame(ByteView bytes);

  // The next byte would begin a frame.
  bool between() const { return state_ == State::between; }
  // A Close frame has passed, or begun to.
  bool closed() const { return closed_; }

 private:
  enum class State : std::uint8_t { between, length, long_length, payload, lost };

  std::uint64_t left_ = 0;  // of the payload, its mask before it; while the length is read, that length
  State state_ = State::between;
  std::uint8_t length_bytes_ = 0;  // still to come
  bool masked_ = false;
  bool closed_ = false;
};

// A whole one, without words.
class CloseFrame {
 public:
  // A client's frames are masked (RFC 6455 5.3), a server's are not.
  CloseFrame(std::uint16_t code, std::optional<std::uint32_t> mask);
  ByteView bytes() const { return ByteView(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 8> bytes_{};
  std::size_t size_ = 0;
};

}  // namespace roomgate::router::tunnel
