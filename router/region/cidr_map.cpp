#include "router/region/cidr_map.hpp"

#include <algorithm>

namespace roomgate::router::region {
namespace {

// The bits of the lower or upper half that belong to the host, for a prefix that has `bits` in that half.
constexpr std::uint64_t host_bits(int bits) {
  if (bits <= 0) return ~std::uint64_t{0};
  return bits >= 64 ? 0 : ~std::uint64_t{0} >> bits;
}

}  // namespace

CidrMap::Point CidrMap::point_of(const std::array<std::uint8_t, 16>& bytes) {
  Point point;
  for (std::size_t i = 0; i < 8; ++i) point.high = point.high << 8 | bytes[i];
  for (std::size_t i = 8; i < 16; ++i) point.low = point.low << 8 | bytes[i];
  return point;
}

CidrMap::Point CidrMap::first_of(const Network& network) {
  const Point point = point_of(network.prefix);
  return {point.high & ~host_bits(network.bits), point.low & ~host_bits(network.bits - 64)};
}

CidrMap::Point CidrMap::last_of(const Network& network) {
  const Point point = point_of(network.prefix);
  return {point.high | host_bits(network.bits), point.low | host_bits(network.bits - 64)};
}

// A later range that begins in the same place is the narrower one: it hides the earlier.
void CidrMap::append(Point begin, std::optional<RegionIndex> region) {
  if (!ranges_.empty() && ranges_.back().begin == begin) ranges_.pop_back();
  if (!ranges_.empty() && ranges_.back().region == region) return;
  ranges_.push_back({begin, region});
}

Result<CidrMap, Network> CidrMap::make(std::vector<Line> lines) {
  // Networks nest or are apart. In this order each comes before those within it: a walk with a stack of those
  // that are open.
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) {
    const Point first_a = first_of(a.network);
    const Point first_b = first_of(b.network);
    return first_a != first_b ? first_a < first_b : a.network.bits < b.network.bits;
  });
  CidrMap map;
  std::vector<Line> open;
  // Where the innermost ends, the one around it goes on; after the last address of all, nothing does.
  const auto close = [&map, &open] {
    Point end = last_of(open.back().network);
    open.pop_back();
    if (++end.low == 0 && ++end.high == 0) return;
    map.append(end, open.empty() ? std::optional<RegionIndex>() : open.back().region);
  };
  for (const Line& line : lines) {
    const Point begin = first_of(line.network);
    while (!open.empty() && last_of(open.back().network) < begin) close();
    if (!open.empty() && first_of(open.back().network) == begin &&
        open.back().network.bits == line.network.bits) {
      if (open.back().region != line.region) return fail(line.network);
      continue;
    }
    map.append(begin, line.region);
    open.push_back(line);
  }
  while (!open.empty()) close();
  map.ranges_.shrink_to_fit();
  return map;
}

std::optional<RegionIndex> CidrMap::find(const Address& address) const {
  const Point point = point_of(network_bytes(address));
  const auto after =
      std::upper_bound(ranges_.begin(), ranges_.end(), point,
                       [](const Point& wanted, const Range& range) { return wanted < range.begin; });
  return after == ranges_.begin() ? std::nullopt : std::prev(after)->region;
}

}  // namespace roomgate::router::region
