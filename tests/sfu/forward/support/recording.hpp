// A recorded stream of tests/corpora/streams (its README tells the format) and what was in it.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/rtp/packet.hpp"
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

}  // namespace roomgate::sfu::forward::test
