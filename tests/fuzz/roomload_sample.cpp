// What a user may give roomload to play: an IVF file, or a trace. A sample that is taken can be played: every
// frame has packets, every packet lies in the bytes and in a datagram.
#include "bench/roomload/media/packetise.hpp"
#include "bench/roomload/media/sample.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;

namespace {

void check(const Sample& sample) {
  require(sample.interval > Duration{} && sample.length >= sample.interval);
  for (const SampleLayer& layer : sample.layers) {
    require(!layer.frames.empty() && layer.loop_from < layer.frames.size() && layer.frames.front().keyframe);
    for (const SampleFrame& frame : layer.frames) {
      require(frame.packets > 0 && frame.first_packet + frame.packets <= layer.packets.size());
    }
    for (const SamplePacket& packet : layer.packets) {
      require(packet.size > 0 && packet.size <= kMaxPayload && packet.at + packet.size <= layer.bytes.size());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto sample = read_ivf(input)) check(*sample);
  if (const auto sample = read_trace(as_text(input))) check(*sample);
  return 0;
}
