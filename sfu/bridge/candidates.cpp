#include "sfu/bridge/candidates.hpp"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>

namespace roomgate::sfu::bridge {
namespace {

// RFC 8445 5.1.2.1: type preference of a host candidate, local preference by order, component 1.
std::uint32_t priority_of(std::size_t position) {
  return (126u << 24) | (static_cast<std::uint32_t>(65535 - position) << 8) | 255u;
}

}  // namespace

std::optional<Advertised> Advertised::parse(std::string_view text) {
  if (const auto ip = Address::from_ip(text, 0)) return Advertised{ip->ip(), 0};
  const auto address = Address::parse(text);
  if (!address || address->port() == 0 || address->is_unspecified()) return std::nullopt;
  return Advertised{address->ip(), address->port()};
}

std::vector<Address> interface_addresses() {
  std::vector<Address> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* each = list; each != nullptr; each = each->ifa_next) {
    if (each->ifa_addr == nullptr || (each->ifa_flags & IFF_UP) == 0) continue;
    const bool v6 = each->ifa_addr->sa_family == AF_INET6;
    const auto address =
        Address::from_sockaddr(each->ifa_addr, v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
    if (address && !address->is_link_local() && !address->is_unspecified())
      out.push_back(address->with_port(0));
  }
  ::freeifaddrs(list);
  return out;
}

std::vector<Candidate> make_candidates(const Address& bound, std::size_t worker,
                                       std::span<const Address> interfaces,
                                       std::span<const Advertised> advertised, std::size_t limit) {
  std::vector<Address> addresses;
  const auto add = [&addresses](const Address& address) {
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end())
      addresses.push_back(address);
  };
  for (const Advertised& each : advertised) {
    const auto port = each.port == 0 ? bound.port() : static_cast<std::uint16_t>(each.port + worker);
    if (const auto address = Address::from_ip(each.ip, port)) add(*address);
  }
  if (!bound.is_unspecified()) {
    add(bound);
  } else {
    for (const bool loopback : {false, true}) {
      if (loopback && !addresses.empty()) break;
      for (const Address& each : interfaces) {
        if (each.is_loopback() != loopback || (bound.is_v4() && !each.is_v4())) continue;
        add(each.with_port(bound.port()));
      }
    }
  }
  std::vector<Candidate> out;
  for (const Address& address : addresses) {
    if (out.size() >= limit) break;
    out.push_back({.ip = address.ip(),
                   .port = address.port(),
                   .priority = priority_of(out.size()),
                   .foundation = std::to_string(out.size() + 1)});
  }
  return out;
}

}  // namespace roomgate::sfu::bridge
