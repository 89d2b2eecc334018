// A recorded stream of tests/corpora/streams (its README tells the format) and what was in it.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/forward/video_packet.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/sequence.hpp"
#include "tests/support/corpora.hpp"

namespace roomgate::sfu::forward::test {

using Bytes = std::vector<std::uint8_t>;

struct Recording {
  struct Packet {
    std::uint32_t ms = 0;
    std::size_t stream = 0;
    Bytes bytes;
  };
  std::size_t streams = 0;
  std::vector<Packet> packets;
};

inline Recording load_recording(const std::string& name) {
  const auto path = std::filesystem::path(ROOMGATE_SOURCE_DIR) / "tests/corpora/streams" / (name + ".rtp");
  const std::string text = tests::read_file(path);
  ByteReader in(as_bytes(text));
  REQUIRE(as_text(in.bytes(6)) == "RGRTP1");
  Recording recording;
  recording.streams = in.u8();
  std::vector<std::uint32_t> ssrcs;
  for (std::size_t i = 0; i < recording.streams; ++i) ssrcs.push_back(in.u32());
  while (in.left() > 0) {
    Recording::Packet packet;
    packet.ms = in.u32();
    const ByteView bytes = in.bytes(in.u16());
    REQUIRE_FALSE(in.failed());
    packet.bytes.assign(bytes.begin(), bytes.end());
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    REQUIRE(view.ok());
    while (packet.stream < ssrcs.size() && ssrcs[packet.stream] != view->ssrc()) ++packet.stream;
    REQUIRE(packet.stream < recording.streams);
    recording.packets.push_back(std::move(packet));
  }
  return recording;
}

// The recording so many times, one after the other, as if its encoder had gone on: each time it begins with
// its first key frame, and all numbers go up.
inline Recording play_again(const Recording& recording, std::uint16_t times) {
  // What one time adds to the numbers of a stream.
  struct Span {
    bool begun = false;
    std::uint32_t key_at = 0;  // the timestamp with which it begins
    std::uint16_t sequence = 0;
    std::uint16_t picture = 0;
    std::uint8_t tl0 = 0;
    std::uint16_t frame = 0;
  };
  std::vector<Span> spans(recording.streams);
  forward::VideoReader reader;
  for (const Recording::Packet& packet : recording.packets) {
    Span& span = spans[packet.stream];
    const auto video = reader.read(*rtp::RtpPacketView::parse(packet.bytes), packet.stream);
    if (!span.begun && video.starts_keyframe) span = {.begun = true, .key_at = video.timestamp};
  }

  Recording once{recording.streams, {}};
  std::vector<std::optional<forward::VideoPacket>> first(recording.streams);
  for (const Recording::Packet& packet : recording.packets) {
    Span& span = spans[packet.stream];
    const auto view = rtp::RtpPacketView::parse(packet.bytes);
    if (!span.begun || rtp::timestamp_distance(view->timestamp(), span.key_at) < 0) continue;
    once.packets.push_back(packet);
    const auto video = reader.read_again(*view, packet.stream);
    auto& begin = first[packet.stream];
    if (!begin) begin = video;
    span.sequence = static_cast<std::uint16_t>(video.sequence - begin->sequence + 1);
    if (video.payload_size == 0) continue;
    if (video.picture) {
      span.picture = static_cast<std::uint16_t>(video.picture->picture_id - begin->picture->picture_id + 1);
      span.tl0 = static_cast<std::uint8_t>(video.picture->tl0 - begin->picture->tl0 + 1);
    }
    if (video.frame) span.frame = static_cast<std::uint16_t>(video.frame->number - begin->frame->number + 1);
  }

  constexpr std::uint32_t kFrameMs = 67;
  const std::uint32_t length = once.packets.back().ms - once.packets.front().ms + kFrameMs;
  Recording all{recording.streams, {}};
  for (std::uint16_t time = 0; time < times; ++time) {
    for (Recording::Packet packet : once.packets) {
      const Span& span = spans[packet.stream];
      const auto view = rtp::RtpPacketView::parse(packet.bytes);
      const auto video = reader.read_again(*view, packet.stream);
      const auto add16 = [time](std::uint8_t* at, unsigned step) {
        store16(at, static_cast<std::uint16_t>(load16(at) + time * step));
      };
      packet.ms += time * length;
      add16(&packet.bytes[2], span.sequence);
      store32(&packet.bytes[4], view->timestamp() + time * length * 90);
      if (auto picture = video.picture) {
        picture->picture_id =
            static_cast<std::uint16_t>((picture->picture_id + time * span.picture) & 0x7fff);
        picture->tl0 = static_cast<std::uint8_t>(picture->tl0 + time * span.tl0);
        rtp::write_picture_fields(ByteSpan(packet.bytes).subspan(view->header_size(), view->payload().size()),
                                  *picture);
      }
      if (const auto descriptor = rtp::find_extension(*view, rtp::kDependencyDescriptorId)) {
        // Flags and template id, then the frame's number (AV1 RTP specification A.8.1).
        add16(packet.bytes.data() + (descriptor->data() - view->bytes().data()) + 1, span.frame);
      }
      all.packets.push_back(std::move(packet));
    }
  }
  return all;
}

}  // namespace roomgate::sfu::forward::test
