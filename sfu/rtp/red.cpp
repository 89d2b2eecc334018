#include "sfu/rtp/red.hpp"

namespace roomgate::sfu::rtp {
namespace {

constexpr std::uint8_t kMore = 0x80;  // another block follows
constexpr std::size_t kBlockHeader = 4;
constexpr std::size_t kMaxBlocks = 16;

}  // namespace

std::optional<RedPrimary> read_red(ByteView payload) {
  std::size_t at = 0;
  std::size_t before = 0;  // bytes of data that stand before the primary's
  for (std::size_t block = 0; block <= kMaxBlocks; ++block) {
    if (at >= payload.size()) return std::nullopt;
    if ((payload[at] & kMore) == 0) {
      const std::size_t offset = at + 1 + before;
      if (offset > payload.size()) return std::nullopt;
      return RedPrimary{static_cast<std::uint8_t>(payload[at] & 0x7f), offset};
    }
    if (payload.size() - at < kBlockHeader) return std::nullopt;
    before += load16(&payload[at + 2]) & 0x3ffu;  // the length is the last ten bits
    at += kBlockHeader;
  }
  return std::nullopt;
}

}  // namespace roomgate::sfu::rtp
