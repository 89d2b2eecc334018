// Packets of one source as a sender likes them, towards two receivers whose targets change. What comes out
// has no number twice, is found again by a NACK with the same values, and is written within its bounds.
#include <array>
#include <bitset>
#include <optional>
#include <vector>

#include "sfu/forward/forwarder.hpp"
#include "sfu/rtp/extensions.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::forward;

namespace {

struct Receiver {
  Forwarder forwarder{1};
  // Outgoing numbers, extended from the newest: none may come twice within the map's memory.
  std::int64_t newest = -1;
  std::bitset<0x8000> sent;

  void note(std::uint16_t sequence) {
    const std::int64_t number =
        newest < 0 ? 0x10000 + std::int64_t{sequence} : rtp::extend_sequence(newest, sequence);
    for (; newest >= 0 && newest < number; ++newest)
      sent.reset(static_cast<std::size_t>((newest + 1) % 0x8000));
    if (newest < 0) newest = number;
    const auto place = static_cast<std::size_t>(number % 0x8000);
    require(newest - number < SequenceMap::kWindow);
    require(!sent.test(place));
    sent.set(place);
  }
};

// Each item: kind, time, length, bytes.
void play(ByteReader in) {
  SourceLayers layers(3);
  VideoReader reader;
  std::array<Receiver, 2> receivers;
  TimePoint now{seconds(100)};
  receivers[0].forwarder.set_target(kEverything);
  while (in.left() > 0 && !in.failed()) {
    const std::uint8_t kind = in.u8();
    now += milliseconds(in.u8());
    if (kind < 16) {
      receivers[kind % 2].forwarder.set_target(
          {.spatial = static_cast<std::int8_t>(kind / 2 - 1), .temporal = static_cast<std::int8_t>(in.u8())});
      continue;
    }
    if (kind < 18) {
      receivers[kind % 2].forwarder.set_muted(in.u8() % 2 != 0);
      continue;
    }
    const ByteView bytes = in.bytes(in.u8());
    const auto packet = rtp::RtpPacketView::parse(bytes);
    if (!packet) continue;
    const std::size_t stream = kind % 3;
    const VideoPacket video = reader.read(*packet, stream);
    const VideoPacket again = reader.read_again(*packet, stream);
    require(video.picture == again.picture);
    if (video.payload_size > 0) layers.on_packet(video, bytes.size(), now);
    require(layers.count() >= 1 && layers.count() <= kMaxLayers);
    for (std::size_t layer = 0; layer < layers.count(); ++layer) {
      (void)layers.bitrate(layer, 7, now);
      require(layers.stream_of(layer) < kMaxLayers);
    }
    for (Receiver& receiver : receivers) {
      if (const auto wanted = receiver.forwarder.wanted_keyframe(layers, now)) require(*wanted < kMaxLayers);
      const auto projected = receiver.forwarder.forward(layers, video, now);
      if (!projected) continue;
      receiver.note(projected->sequence);
      const auto found = receiver.forwarder.find_sent(projected->sequence);
      require(found && found->stream == stream && found->original_sequence == packet->sequence());
      const auto once_more = receiver.forwarder.reproject(*found, projected->sequence, again);
      require(once_more && once_more->timestamp == projected->timestamp &&
              once_more->marker == projected->marker && once_more->empty == projected->empty &&
              once_more->picture == projected->picture);

      std::vector<std::uint8_t> payload(packet->payload().begin(), packet->payload().end());
      if (projected->picture) rtp::write_picture_fields(payload, *projected->picture);
      const auto descriptor = rtp::find_extension(*packet, rtp::kDependencyDescriptorId);
      if (!projected->descriptor || !descriptor) continue;
      std::vector<std::uint8_t> out(descriptor->size() + rtp::kDescriptorGrowth);
      const std::size_t size = rtp::rewrite_descriptor(*descriptor, *projected->descriptor, out);
      require(size >= descriptor->size() || size == 0);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  play(ByteReader(ByteView(data, size)));
  return 0;
}
