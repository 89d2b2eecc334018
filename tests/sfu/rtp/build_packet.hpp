// RTP packets for the tests of the packet's path, spelled out field by field.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/rtp/extensions.hpp"

namespace roomgate::sfu::rtp {

using Bytes = std::vector<std::uint8_t>;

struct TestExtension {
  std::uint8_t id;
  Bytes data;
};

struct TestPacket {
  std::uint8_t payload_type = 100;
  bool marker = false;
  std::uint16_t sequence = 1000;
  std::uint32_t timestamp = 90000;
  std::uint32_t ssrc = 0x11223344;
  std::vector<std::uint32_t> csrcs;
  std::vector<TestExtension> extensions;
  bool two_byte = false;
  Bytes payload = {1, 2, 3, 4};
  std::uint8_t padding = 0;
};

inline Bytes build(const TestPacket& packet) {
  Bytes out(2000);
  ByteWriter writer(out);
  const bool extended = !packet.extensions.empty();
  writer.u8(static_cast<std::uint8_t>(0x80 | (packet.padding > 0 ? 0x20 : 0) | (extended ? 0x10 : 0) |
                                      packet.csrcs.size()));
  writer.u8(static_cast<std::uint8_t>((packet.marker ? 0x80 : 0) | packet.payload_type));
  writer.u16(packet.sequence);
  writer.u32(packet.timestamp);
  writer.u32(packet.ssrc);
  for (const std::uint32_t csrc : packet.csrcs) writer.u32(csrc);
  if (extended) {
    Bytes body;
    for (const TestExtension& extension : packet.extensions) {
      if (packet.two_byte) {
        body.push_back(extension.id);
        body.push_back(static_cast<std::uint8_t>(extension.data.size()));
      } else {
        body.push_back(static_cast<std::uint8_t>((extension.id << 4) | (extension.data.size() - 1)));
      }
      body.insert(body.end(), extension.data.begin(), extension.data.end());
    }
    while (body.size() % 4 != 0) body.push_back(0);
    writer.u16(packet.two_byte ? kTwoByteProfile : kOneByteProfile);
    writer.u16(static_cast<std::uint16_t>(body.size() / 4));
    writer.bytes(body);
  }
  writer.bytes(packet.payload);
  if (packet.padding > 0) {
    writer.zeros(packet.padding - 1u);
    writer.u8(packet.padding);
  }
  out.resize(writer.position());
  return out;
}

}  // namespace roomgate::sfu::rtp
