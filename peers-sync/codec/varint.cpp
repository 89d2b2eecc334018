#include "peers-sync/codec/varint.hpp"

namespace roomgate::peers_sync::codec {
namespace {

constexpr std::uint64_t kOneByte = 240;

}  // namespace

void append_varint(std::uint64_t value, std::string& out) {
  if (value < kOneByte) {
    out.push_back(static_cast<char>(value));
    return;
  }
  out.push_back(static_cast<char>(0xf0 | (value & 0x0f)));
  value = (value - kOneByte) >> 4;
  while (value >= 0x80) {
    out.push_back(static_cast<char>(0x80 | (value & 0x7f)));
    value = (value - 0x80) >> 7;
  }
  out.push_back(static_cast<char>(value));
}

std::optional<std::uint64_t> take_varint(ByteView& bytes) {
  if (bytes.empty()) return std::nullopt;
  std::uint64_t value = bytes[0];
  std::size_t used = 1;
  if (value >= kOneByte) {
    unsigned shift = 4;
    std::uint8_t byte = 0;
    do {
      if (used == bytes.size() || used == kMaxVarintBytes) return std::nullopt;
      byte = bytes[used++];
      // The whole byte, its flag too: that is what makes each spelling unique.
      const std::uint64_t part = std::uint64_t{byte} << shift;
      if (part >> shift != byte || value + part < value) return std::nullopt;
      value += part;
      shift += 7;
    } while (byte >= 0x80);
  }
  bytes = bytes.subspan(used);
  return value;
}

}  // namespace roomgate::peers_sync::codec
