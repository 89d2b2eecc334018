// The time stamp that packets of our own streams carry, so that a receiver on the same machine knows how long
// each took: twelve bytes at the packet's end, the last of them 12, which is what RTP padding looks like (RFC
// 3550 5.1). Pure functions; any thread.
//
//   padding   behind the payload, with the padding bit: no decoder sees it, every forwarder that keeps payload
//             and padding together carries it
//   tail      the payload's own last bytes: for streams that nobody decodes, and through a bridge that drops
//             padding
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace roomgate::bench::roomload::media {

enum class Stamp : std::uint8_t { none, padding, tail };

inline constexpr std::size_t kStampBytes = 12;

// Over the last kStampBytes of `packet`. Precondition: it has as many.
void write_stamp(ByteSpan packet, TimePoint sent);
// Empty when the packet carries none.
std::optional<TimePoint> read_stamp(ByteView packet);

}  // namespace roomgate::bench::roomload::media
