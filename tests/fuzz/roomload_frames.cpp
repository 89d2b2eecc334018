// What a server sends over a WebSocket, cut anywhere: the messages that come out are the same as in one
// piece.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "bench/roomload/signal/websocket_frames.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::signal;

namespace {

// Appends what comes; false at the end of it, or at an error.
bool drain(FrameReader& reader, std::string& out) {
  while (true) {
    const auto next = reader.next();
    if (!next) {
      out += "error " + std::to_string(static_cast<int>(next.error()));
      return false;
    }
    if (!*next) return true;
    out += std::to_string(static_cast<int>((*next)->opcode)) + " " + (*next)->payload + "\n";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t step = std::size_t{data[0]} % 16 + 1;
  const ByteView bytes = ByteView(data, size).subspan(1);
  const FrameLimits limits{.max_message = 4096};

  FrameReader whole(limits);
  std::string at_once;
  whole.consume(bytes);
  drain(whole, at_once);

  FrameReader cut(limits);
  std::string in_pieces;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    cut.consume(bytes.subspan(at, std::min(step, bytes.size() - at)));
    if (!drain(cut, in_pieces)) break;
  }

  if (at_once != in_pieces) std::abort();
  return 0;
}
