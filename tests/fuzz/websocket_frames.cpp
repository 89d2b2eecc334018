// Any bytes as one way of a WebSocket: a second reader, which takes them one by one and keeps every length
// as it is written, finds the same ends of frames and the same Close, however the bytes are cut.
#include <vector>

#include "router/tunnel/frames.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::router::tunnel;

namespace {

struct Plain {
  std::vector<std::size_t> ends;  // of frames, in bytes from the start
  bool closed = false;
};

Plain read_plainly(ByteView bytes) {
  Plain read;
  ByteReader in(bytes);
  while (in.position() < bytes.size()) {
    const std::uint8_t first = in.u8();
    if ((first & 0x0f) == 0x8) read.closed = true;
    const std::uint8_t second = in.u8();
    const std::uint8_t form = second & 0x7f;
    std::uint64_t size = form == 127 ? in.u64() : form == 126 ? in.u16() : form;
    if (in.failed() || (size >> 63) != 0) return read;
    if ((second & 0x80) != 0) size += 4;
    if (size > bytes.size() - in.position()) return read;
    in.skip(static_cast<std::size_t>(size));
    read.ends.push_back(in.position());
  }
  return read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView bytes(data, size);
  const Plain plain = read_plainly(bytes);

  Frames frames;
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < size;) {
    const std::size_t taken = frames.pass_frame(bytes.subspan(at));
    require(taken > 0 && taken <= size - at);
    at += taken;
    if (frames.between()) ends.push_back(at);
  }
  require(ends == plain.ends && frames.closed() == plain.closed);

  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{64}}) {
    Frames cut;
    for (std::size_t at = 0; at < size; at += piece) {
      cut.pass(bytes.subspan(at, std::min(piece, size - at)));
    }
    require(cut.between() == frames.between() && cut.closed() == frames.closed());
  }
  return 0;
}
