// A list of networks ("10.0.0.0/8", "fc00::/7", single addresses): whom to trust, whom to allow. A value; any
// thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "base/address.hpp"

namespace roomgate {

// One of them.
struct Network {
  std::array<std::uint8_t, 16> prefix;  // IPv4 as ::ffff:a.b.c.d
  int bits;                             // of those 128

  // An address or ADDRESS/BITS.
  static std::optional<Network> parse(std::string_view text);
};

// The form in which addresses are compared with a Network's prefix.
std::array<std::uint8_t, 16> network_bytes(const Address& address);

class Networks {
 public:
  Networks() = default;
  // nullopt when one of the texts is neither an address nor ADDRESS/BITS.
  static std::optional<Networks> parse(const std::vector<std::string>& texts);

  // Ports do not matter; an IPv4-mapped address counts as IPv4.
  bool contains(const Address& address) const;
  bool empty() const { return networks_.empty(); }

 private:
  std::vector<Network> networks_;
};

}  // namespace roomgate
