#include "bench/roomload/media/stamp.hpp"

namespace roomgate::bench::roomload::media {
namespace {

constexpr std::uint32_t kMagic = 0xa7c35e;  // 24 bits

}  // namespace

void write_stamp(ByteSpan packet, TimePoint sent) {
  std::uint8_t* at = packet.data() + packet.size() - kStampBytes;
  store24(at, kMagic);
  store64(at + 3, static_cast<std::uint64_t>(sent.time_since_epoch() / std::chrono::nanoseconds(1)));
  at[11] = kStampBytes;
}

std::optional<TimePoint> read_stamp(ByteView packet) {
  if (packet.size() < kStampBytes) return std::nullopt;
  const std::uint8_t* at = packet.data() + packet.size() - kStampBytes;
  if (at[11] != kStampBytes || load24(at) != kMagic) return std::nullopt;
  return TimePoint(std::chrono::nanoseconds(static_cast<std::int64_t>(load64(at + 3))));
}

}  // namespace roomgate::bench::roomload::media
