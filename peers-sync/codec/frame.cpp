#include "peers-sync/codec/frame.hpp"

#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::codec {

Result<std::optional<Frame>, FrameError> next_frame(ByteView input) {
  if (input.size() < 2) return std::optional<Frame>();
  Frame frame{.klass = input[0], .type = input[1], .body = {}, .size = 2};
  if (frame.type < kFirstWithBody) return std::optional(frame);
  ByteView rest = input.subspan(2);
  const std::size_t before = rest.size();
  rest = rest.first(std::min(rest.size(), kMaxLengthBytes));
  const auto length = take_varint(rest);
  if (!length) {
    if (before >= kMaxLengthBytes) return fail(FrameError::bad_length);
    return std::optional<Frame>();
  }
  const std::size_t head = 2 + std::min(before, kMaxLengthBytes) - rest.size();
  if (*length > kMaxBody) return fail(FrameError::too_large);
  if (input.size() - head < *length) return std::optional<Frame>();
  frame.body = input.subspan(head, static_cast<std::size_t>(*length));
  frame.size = head + frame.body.size();
  return std::optional(frame);
}

FrameWriter::FrameWriter(std::uint8_t klass, std::uint8_t type, std::string& out) : out_(out) {
  out_.push_back(static_cast<char>(klass));
  out_.push_back(static_cast<char>(type));
  body_ = out_.size();
}

void FrameWriter::end() {
  std::string length;
  append_varint(out_.size() - body_, length);
  out_.insert(body_, length);
}

}  // namespace roomgate::peers_sync::codec
