#include "router/region/cidr_map.hpp"

#include <doctest.h>

#include <random>

using namespace roomgate;
using namespace roomgate::router::region;

namespace {

CidrMap::Line line(const char* network, RegionIndex region) { return {*Network::parse(network), region}; }

// The region's number, or -1.
int find(const CidrMap& map, std::string_view ip) {
  const auto region = map.find(*Address::from_ip(ip, 0));
  return region ? *region : -1;
}

CidrMap made(std::vector<CidrMap::Line> lines) {
  auto map = CidrMap::make(std::move(lines));
  REQUIRE(map.ok());
  return std::move(map).value();
}

}  // namespace

TEST_CASE("the longest prefix wins, whatever the order of the lines") {
  std::vector<CidrMap::Line> lines = {line("10.0.0.0/8", 1), line("10.1.0.0/16", 2), line("10.1.2.0/24", 3),
                                      line("10.1.2.3", 4), line("0.0.0.0/0", 0)};
  for (int turn = 0; turn < 2; ++turn) {
    const CidrMap map = made(lines);

    CHECK(find(map, "9.255.255.255") == 0);
    CHECK(find(map, "10.0.0.0") == 1);
    CHECK(find(map, "10.0.255.255") == 1);
    CHECK(find(map, "10.1.0.0") == 2);
    CHECK(find(map, "10.1.1.255") == 2);
    CHECK(find(map, "10.1.2.2") == 3);
    CHECK(find(map, "10.1.2.3") == 4);
    CHECK(find(map, "10.1.2.4") == 3);
    CHECK(find(map, "10.1.3.0") == 2);
    CHECK(find(map, "10.2.0.0") == 1);
    CHECK(find(map, "11.0.0.0") == 0);
    CHECK(find(map, "255.255.255.255") == 0);
    CHECK(find(map, "2001:db8::1") == -1);
    std::reverse(lines.begin(), lines.end());
  }
}

TEST_CASE("networks that begin or end together are told apart") {
  const CidrMap map = made({line("10.0.0.0/8", 1), line("10.0.0.0/16", 2), line("10.0.0.0/24", 3),
                            line("10.255.0.0/16", 4), line("10.255.255.0/24", 5)});

  CHECK(find(map, "10.0.0.9") == 3);
  CHECK(find(map, "10.0.1.0") == 2);
  CHECK(find(map, "10.1.0.0") == 1);
  CHECK(find(map, "10.255.254.255") == 4);
  CHECK(find(map, "10.255.255.255") == 5);
  CHECK(find(map, "11.0.0.0") == -1);
}

TEST_CASE("IPv6, to the last address of all, and IPv4 written as IPv6") {
  const CidrMap map = made({line("2001:db8::/32", 1), line("2001:db8:0:1::/64", 2), line("2001:db8::1", 3),
                            line("ff00::/8", 4), line("192.0.2.0/24", 5)});

  CHECK(find(map, "2001:db8::2") == 1);
  CHECK(find(map, "2001:db8::1") == 3);
  CHECK(find(map, "2001:db8:0:1:ffff:ffff:ffff:ffff") == 2);
  CHECK(find(map, "2001:db8:0:2::") == 1);
  CHECK(find(map, "2001:db9::") == -1);
  CHECK(find(map, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff") == 4);
  CHECK(find(map, "::ffff:192.0.2.7") == 5);
  CHECK(find(map, "192.0.2.7") == 5);
  CHECK(find(made({line("::/0", 7)}), "2001:db8::") == 7);
  CHECK(find(CidrMap(), "192.0.2.7") == -1);
}

TEST_CASE("host bits in a network do not matter") {
  const CidrMap map = made({line("192.0.2.77/24", 1)});

  CHECK(find(map, "192.0.2.1") == 1);
  CHECK(find(map, "192.0.2.255") == 1);
}

TEST_CASE("a network of two regions is a mistake, twice in one is not") {
  CHECK(CidrMap::make({line("10.0.0.0/8", 1), line("10.0.0.1/8", 1)}).ok());
  CHECK_FALSE(CidrMap::make({line("10.0.0.0/8", 1), line("10.0.0.0/9", 1), line("10.9.0.0/8", 2)}).ok());
}

TEST_CASE("says the same as looking at every network") {
  std::mt19937 random(7);
  std::vector<CidrMap::Line> lines;
  for (int i = 0; i < 3000; ++i) {
    // Few different bits, so that they nest deeply.
    Network network{network_bytes(*Address::from_ip("10.0.0.0", 0)),
                    96 + 8 + static_cast<int>(random() % 25)};
    for (std::size_t byte = 13; byte < 16; ++byte) {
      network.prefix[byte] = static_cast<std::uint8_t>(random() & 0x83U);
    }
    const std::uint8_t mask[] = {0x00, 0x80, 0xc0, 0xe0, 0xf0, 0xf8, 0xfc, 0xfe};
    for (int byte = 13; byte < 16; ++byte) {
      const int kept = std::clamp(network.bits - 8 * byte, 0, 8);
      if (kept < 8) network.prefix[static_cast<std::size_t>(byte)] &= mask[kept];
    }
    const auto same = [&](const CidrMap::Line& other) {
      return other.network.bits == network.bits && other.network.prefix == network.prefix;
    };
    if (std::any_of(lines.begin(), lines.end(), same)) continue;
    lines.push_back({network, static_cast<RegionIndex>(random() % 5)});
  }
  REQUIRE(lines.size() > 200);
  const CidrMap map = made(lines);

  for (int i = 0; i < 5000; ++i) {
    const std::string ip = "10." + std::to_string(random() & 0x83U) + "." + std::to_string(random() & 0x83U) +
                           "." + std::to_string(random() & 0x83U);
    const auto bytes = network_bytes(*Address::from_ip(ip, 0));
    int longest = -1;
    int expected = -1;
    for (const auto& [network, region] : lines) {
      bool inside = network.bits > longest;
      for (int bit = 0; inside && bit < network.bits; ++bit) {
        const auto byte = static_cast<std::size_t>(bit / 8);
        inside = ((bytes[byte] ^ network.prefix[byte]) >> (7 - bit % 8) & 1) == 0;
      }
      if (!inside) continue;
      longest = network.bits;
      expected = region;
    }
    CAPTURE(ip);
    CHECK(find(map, ip) == expected);
  }
}
