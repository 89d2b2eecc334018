// Address -> region, by the longest of all regions' networks that contains it. Built once from settings as
// ranges that do not overlap, so that a look is one binary search however many networks there are. A value;
// any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/network.hpp"
#include "base/result.hpp"

namespace roomgate::router::region {

using RegionIndex = std::uint16_t;

class CidrMap {
 public:
  struct Line {
    Network network;
    RegionIndex region = 0;
  };

  CidrMap() = default;
  // The error is a network that two regions have.
  static Result<CidrMap, Network> make(std::vector<Line> lines);

  // An IPv4-mapped address counts as IPv4. nullopt: in none.
  std::optional<RegionIndex> find(const Address& address) const;
  bool empty() const { return ranges_.empty(); }

 private:
  // An address as a number: 128 bits in two.
  struct Point {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    friend auto operator<=>(const Point&, const Point&) = default;
  };
  // From here to the next range's begin.
  struct Range {
    Point begin;
    std::optional<RegionIndex> region;
  };

  static Point point_of(const std::array<std::uint8_t, 16>& bytes);
  static Point first_of(const Network& network);
  static Point last_of(const Network& network);
  void append(Point begin, std::optional<RegionIndex> region);

  std::vector<Range> ranges_;  // by begin
};

}  // namespace roomgate::router::region
