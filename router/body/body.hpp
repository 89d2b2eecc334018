// A body on its way through: read by the framing it came with, framed anew for the other side, never copied
// as it came and never held whole. Bytes in, spans out; one body, one thread.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "router/http/chunked.hpp"
#include "router/http/framing.hpp"

namespace roomgate::router::body {

class Reader {
 public:
  explicit Reader(http::Framing framing);

  struct Step {
    std::size_t consumed = 0;
    ByteView payload;  // part of the input
  };
  // Takes all of `in` that belongs to the body. Chunked payload is moved together within `in`, so that it is
  // one span.
  Result<Step, http::ParseError> next(ByteSpan in);

  bool done() const { return done_; }
  // The connection ended: is that how this body ends?
  bool ends_with_connection() const { return framing_.kind == http::Framing::Kind::until_close; }
  void connection_ended() { done_ = done_ || ends_with_connection(); }
  // How much to read at most, so that nothing of the next message is taken; `room` where that cannot be
  // known.
  std::size_t want(std::size_t room) const;
  // More than the body may have come with a read.
  bool may_overshoot() const { return framing_.kind == http::Framing::Kind::chunked; }

 private:
  http::Framing framing_;
  http::ChunkedDecoder decoder_;
  std::uint64_t left_ = 0;
  bool done_ = false;
};

class Writer {
 public:
  explicit Writer(http::Framing framing) : chunked_(framing.kind == http::Framing::Kind::chunked) {}

  // What to send for that payload: views that live until the next call. `last`: the body ends with it.
  struct Parts {
    std::array<ByteView, 3> parts{};
    std::size_t count = 0;
    std::span<const ByteView> span() const& { return {parts.data(), count}; }
    std::span<const ByteView> span() const&& = delete;  // it would point into a frame that is gone
  };
  Parts frame(ByteView payload, bool last);

 private:
  bool chunked_;
  http::ChunkHeader header_;
};

}  // namespace roomgate::router::body
