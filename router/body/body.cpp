#include "router/body/body.hpp"

#include <algorithm>
#include <cstring>

namespace roomgate::router::body {

using Kind = http::Framing::Kind;

Reader::Reader(http::Framing framing) : framing_(framing), left_(framing.length) {
  done_ = framing.kind == Kind::none || framing.kind == Kind::tunnel ||
          (framing.kind == Kind::length && framing.length == 0);
}

std::size_t Reader::want(std::size_t room) const {
  if (framing_.kind != Kind::length) return room;
  return static_cast<std::size_t>(std::min<std::uint64_t>(room, left_));
}

Result<Reader::Step, http::ParseError> Reader::next(ByteSpan in) {
  if (done_) return Step{};
  switch (framing_.kind) {
    case Kind::none:
    case Kind::tunnel: return Step{};
    case Kind::until_close: return Step{in.size(), in};
    case Kind::length: {
      const std::size_t taken = want(in.size());
      left_ -= taken;
      done_ = left_ == 0;
      return Step{taken, in.first(taken)};
    }
    case Kind::chunked: break;
  }
  Step whole;
  std::uint8_t* begin = nullptr;
  std::size_t gathered = 0;
  while (!decoder_.done() && whole.consumed < in.size()) {
    const auto step = decoder_.next(in.subspan(whole.consumed));
    if (!step) return fail(step.error());
    if (!step->payload.empty()) {
      const auto at = static_cast<std::size_t>(step->payload.data() - in.data());
      if (begin == nullptr) {
        begin = in.data() + at;
      } else {
        std::memmove(begin + gathered, in.data() + at, step->payload.size());
      }
      gathered += step->payload.size();
    }
    whole.consumed += step->consumed;
  }
  done_ = decoder_.done();
  if (begin != nullptr) whole.payload = {begin, gathered};
  return whole;
}

Writer::Parts Writer::frame(ByteView payload, bool last) {
  Parts out;
  const auto add = [&out](ByteView part) { out.parts[out.count++] = part; };
  if (!chunked_) {
    if (!payload.empty()) add(payload);
    return out;
  }
  static constexpr std::string_view kEndAndLast = "\r\n0\r\n\r\n";
  if (payload.empty()) {
    if (last) add(as_bytes(http::kLastChunk));
    return out;
  }
  header_ = http::chunk_header(payload.size());
  add(as_bytes(header_.text()));
  add(payload);
  add(as_bytes(last ? kEndAndLast : http::kChunkEnd));
  return out;
}

}  // namespace roomgate::router::body
