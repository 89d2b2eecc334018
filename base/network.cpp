#include "base/network.hpp"

#include <charconv>

namespace roomgate {
namespace {

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, int bits) {
  const auto whole = static_cast<std::size_t>(bits / 8);
  if (std::memcmp(a.data(), b.data(), whole) != 0) return false;
  const int rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::array<std::uint8_t, 16> network_bytes(const Address& address) {
  const Address mapped = address.mapped();
  std::array<std::uint8_t, 16> bytes;
  std::memcpy(bytes.data(), reinterpret_cast<const sockaddr_in6*>(mapped.data())->sin6_addr.s6_addr,
              bytes.size());
  return bytes;
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto ip = Address::from_ip(text.substr(0, slash), 0);
  if (!ip) return std::nullopt;
  const int widest = ip->is_v4() ? 32 : 128;
  int bits = widest;
  if (slash != std::string_view::npos) {
    const char* begin = text.data() + slash + 1;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, bits);
    if (error != std::errc{} || stop != end || bits < 0 || bits > widest) return std::nullopt;
  }
  return Network{network_bytes(*ip), bits + (128 - widest)};
}

std::optional<Networks> Networks::parse(const std::vector<std::string>& texts) {
  Networks out;
  for (const std::string& text : texts) {
    const auto network = Network::parse(text);
    if (!network) return std::nullopt;
    out.networks_.push_back(*network);
  }
  return out;
}

bool Networks::contains(const Address& address) const {
  if (networks_.empty()) return false;
  const auto bytes = network_bytes(address);
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return same_prefix(bytes, network.prefix, network.bits);
  });
}

}  // namespace roomgate
