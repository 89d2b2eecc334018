// Which streams the client still speaks on, by the frames it has sent: libnghttp2 forgets streams at their
// end, and what comes on them later is an error that it cannot tell from a late frame (RFC 9113 5.1). One
// connection's, its thread; a few bytes per body that is still coming.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "router/h2/frames.hpp"

namespace roomgate::router::h2 {

class ClientStreams {
 public:
  // The error of a frame that comes on a stream which the client itself has ended, or has passed over.
  std::optional<std::uint32_t> judge(const FrameHead& frame);

 private:
  bool was_opened(std::uint32_t id) const;
  void open(std::uint32_t id, bool ended);

  std::uint32_t last_ = 0;
  std::uint64_t opened_ = 0;         // bit n: last_ - 2n was
  std::vector<std::uint32_t> open_;  // ascending
  std::uint32_t forgotten_ = 0;      // up to here nothing is known: bodies that never ended
};

}  // namespace roomgate::router::h2
