#include "bench/roomload/signal/websocket_frames.hpp"

#include <array>

namespace roomgate::bench::roomload::signal {
namespace {

bool is_control(std::uint8_t opcode) { return opcode >= 8; }
bool is_known(std::uint8_t opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

}  // namespace

void FrameReader::consume(ByteView bytes) {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  buffer_ += as_text(bytes);
}

Result<std::optional<FrameMessage>, FrameError> FrameReader::next() {
  if (error_) return fail(*error_);
  while (true) {
    const std::size_t before = at_;
    auto message = read();
    if (!message) error_ = message.error();
    if (at_ == buffer_.size()) {
      // Most sockets are silent most of the time: they hold no memory.
      buffer_ = {};
      at_ = 0;
    }
    if (!message || *message || at_ == before || buffer_.empty()) return message;
    // A fragment was taken: on to the next frame.
  }
}

Result<std::optional<FrameMessage>, FrameError> FrameReader::read() {
  ByteReader in(as_bytes(buffer_).subspan(at_));
  const std::uint8_t first = in.u8();
  const std::uint8_t second = in.u8();
  if (in.failed()) return std::optional<FrameMessage>();
  const std::uint8_t opcode = first & 0x0f;
  const bool final = (first & 0x80) != 0;
  if ((first & 0x70) != 0) return fail(FrameError::reserved_bits);
  if (!is_known(opcode)) return fail(FrameError::bad_opcode);
  if ((second & 0x80) != 0) return fail(FrameError::masked);
  std::uint64_t size = second & 0x7f;
  if (is_control(opcode) && (!final || size > 125)) return fail(FrameError::bad_control);
  if (size == 126) {
    size = in.u16();
  } else if (size == 127) {
    size = in.u64();
  }
  if (in.failed()) return std::optional<FrameMessage>();
  if (size > limits_.max_message || (!is_control(opcode) && message_.size() + size > limits_.max_message)) {
    return fail(FrameError::too_large);
  }
  const ByteView payload = in.bytes(static_cast<std::size_t>(size));
  if (in.failed()) return std::optional<FrameMessage>();
  at_ += in.position();

  if (is_control(opcode)) {
    return std::optional(FrameMessage{static_cast<Opcode>(opcode), std::string(as_text(payload))});
  }
  if ((opcode == 0) != fragmented_.has_value()) return fail(FrameError::out_of_order);
  if (opcode != 0) fragmented_ = static_cast<Opcode>(opcode);
  message_ += as_text(payload);
  if (!final) return std::optional<FrameMessage>();
  FrameMessage out{*fragmented_, std::move(message_)};
  fragmented_.reset();
  message_ = {};
  return std::optional(std::move(out));
}

std::string write_frame(Opcode opcode, std::string_view payload, std::uint32_t mask) {
  std::array<std::uint8_t, 14> head;
  ByteWriter out(head);
  out.u8(static_cast<std::uint8_t>(0x80 | static_cast<std::uint8_t>(opcode)));
  if (payload.size() < 126) {
    out.u8(static_cast<std::uint8_t>(0x80 | payload.size()));
  } else if (payload.size() <= 0xffff) {
    out.u8(0x80 | 126);
    out.u16(static_cast<std::uint16_t>(payload.size()));
  } else {
    out.u8(0x80 | 127);
    out.u64(payload.size());
  }
  out.u32(mask);
  std::string frame(as_text(out.written()));
  frame.reserve(frame.size() + payload.size());
  const std::array<std::uint8_t, 4> key = {
      static_cast<std::uint8_t>(mask >> 24), static_cast<std::uint8_t>(mask >> 16),
      static_cast<std::uint8_t>(mask >> 8), static_cast<std::uint8_t>(mask)};
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame.push_back(static_cast<char>(static_cast<std::uint8_t>(payload[i]) ^ key[i % 4]));
  }
  return frame;
}

}  // namespace roomgate::bench::roomload::signal
