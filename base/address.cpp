#include "base/address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>

#include "base/siphash.hpp"

namespace roomgate {

Address::Address() {
  std::memset(&storage_, 0, sizeof storage_);
  storage_.v4.sin_family = AF_INET;
}

std::optional<Address> Address::parse(std::string_view text, std::optional<std::uint16_t> default_port) {
  std::string_view host = text;
  std::string_view port_text;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view after = text.substr(close + 1);
    if (!after.empty() && after[0] != ':') return std::nullopt;
    if (!after.empty()) port_text = after.substr(1);
    if (!after.empty() && port_text.empty()) return std::nullopt;
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port_text = text.substr(colon + 1);
    if (port_text.empty()) return std::nullopt;
  }
  std::uint16_t port = 0;
  if (port_text.empty()) {
    if (!default_port) return std::nullopt;
    port = *default_port;
  } else {
    const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (error != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
  }
  return from_ip(host, port);
}

std::optional<Address> Address::from_ip(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  Address out;
  if (inet_pton(AF_INET, text.c_str(), &out.storage_.v4.sin_addr) == 1) {
    out.storage_.v4.sin_port = htons(port);
    return out;
  }
  std::memset(&out.storage_, 0, sizeof out.storage_);
  if (inet_pton(AF_INET6, text.c_str(), &out.storage_.v6.sin6_addr) == 1) {
    out.storage_.v6.sin6_family = AF_INET6;
    out.storage_.v6.sin6_port = htons(port);
    return out;
  }
  return std::nullopt;
}

std::optional<Address> Address::from_sockaddr(const sockaddr* address, socklen_t length) {
  Address out;
  if (address->sa_family == AF_INET && length >= sizeof(sockaddr_in)) {
    std::memcpy(&out.storage_.v4, address, sizeof(sockaddr_in));
    return out;
  }
  if (address->sa_family == AF_INET6 && length >= sizeof(sockaddr_in6)) {
    sockaddr_in6 v6;
    std::memcpy(&v6, address, sizeof v6);
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      std::memcpy(&out.storage_.v4.sin_addr, v6.sin6_addr.s6_addr + 12, 4);
      out.storage_.v4.sin_port = v6.sin6_port;
      return out;
    }
    v6.sin6_flowinfo = 0;
    out.storage_.v6 = v6;
    return out;
  }
  return std::nullopt;
}

bool Address::is_loopback() const {
  if (is_v4()) return (ntohl(storage_.v4.sin_addr.s_addr) >> 24) == 127;
  return IN6_IS_ADDR_LOOPBACK(&storage_.v6.sin6_addr);
}

bool Address::is_unspecified() const {
  if (is_v4()) return storage_.v4.sin_addr.s_addr == 0;
  return IN6_IS_ADDR_UNSPECIFIED(&storage_.v6.sin6_addr);
}

bool Address::is_link_local() const {
  if (is_v4()) return (ntohl(storage_.v4.sin_addr.s_addr) >> 16) == 0xa9fe;
  return IN6_IS_ADDR_LINKLOCAL(&storage_.v6.sin6_addr);
}

std::uint16_t Address::port() const { return ntohs(is_v4() ? storage_.v4.sin_port : storage_.v6.sin6_port); }

Address Address::with_port(std::uint16_t port) const {
  Address out = *this;
  (out.is_v4() ? out.storage_.v4.sin_port : out.storage_.v6.sin6_port) = htons(port);
  return out;
}

Address Address::mapped() const {
  if (!is_v4()) return *this;
  Address out;
  std::memset(&out.storage_, 0, sizeof out.storage_);
  out.storage_.v6.sin6_family = AF_INET6;
  out.storage_.v6.sin6_port = storage_.v4.sin_port;
  out.storage_.v6.sin6_addr.s6_addr[10] = 0xff;
  out.storage_.v6.sin6_addr.s6_addr[11] = 0xff;
  std::memcpy(out.storage_.v6.sin6_addr.s6_addr + 12, &storage_.v4.sin_addr, 4);
  return out;
}

std::string Address::ip() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4()) {
    inet_ntop(AF_INET, &storage_.v4.sin_addr, text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, &storage_.v6.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

std::string Address::to_string() const {
  return is_v4() ? ip() + ":" + std::to_string(port()) : "[" + ip() + "]:" + std::to_string(port());
}

std::size_t Address::hash() const {
  return siphash({reinterpret_cast<const std::uint8_t*>(&storage_), static_cast<std::size_t>(size())});
}

bool operator==(const Address& a, const Address& b) {
  if (a.storage_.v4.sin_family != b.storage_.v4.sin_family || a.port() != b.port()) return false;
  if (a.is_v4()) return a.storage_.v4.sin_addr.s_addr == b.storage_.v4.sin_addr.s_addr;
  return a.storage_.v6.sin6_scope_id == b.storage_.v6.sin6_scope_id &&
         std::memcmp(&a.storage_.v6.sin6_addr, &b.storage_.v6.sin6_addr, sizeof(in6_addr)) == 0;
}

}  // namespace roomgate
