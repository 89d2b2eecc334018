#include "sfu/send/padding.hpp"

#include <algorithm>
#include <array>

#include "sfu/rtp/packet.hpp"

namespace roomgate::sfu::send {

std::size_t write_padding(const rtp::OutgoingHeader& header, ByteSpan out) {
  // The header is written as for any packet that leaves: as that of an empty one with the padding bit.
  constexpr std::array<std::uint8_t, rtp::kFixedHeader> kEmpty = {0x80};
  const auto empty = rtp::RtpPacketView::parse(kEmpty);
  const std::size_t at = empty ? rtp::write_header(*empty, header, {}, out) : 0;
  if (at == 0 || out.size() - at < kPaddingBytes) return 0;
  out[0] |= 0x20;
  const ByteSpan padding = out.subspan(at, kPaddingBytes);
  std::fill(padding.begin(), padding.end(), std::uint8_t{0});
  padding.back() = static_cast<std::uint8_t>(kPaddingBytes);
  return at + kPaddingBytes;
}

}  // namespace roomgate::sfu::send
