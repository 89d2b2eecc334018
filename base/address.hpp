// An IPv4 or IPv6 address with a port: a value, 28 bytes, ready for the socket calls. Any thread.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace roomgate {

class Address {
 public:
  Address();  // 0.0.0.0:0

  // "192.0.2.1:80", "[2001:db8::1]:443"; `default_port` where the text has none. Names are not resolved:
  // nullopt.
  static std::optional<Address> parse(std::string_view text, std::optional<std::uint16_t> default_port = {});
  static std::optional<Address> from_ip(std::string_view ip, std::uint16_t port);
  // IPv4-mapped IPv6 becomes IPv4, so that one client has one spelling. nullopt for other families.
  static std::optional<Address> from_sockaddr(const sockaddr* address, socklen_t length);

  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t size() const { return is_v4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6); }

  bool is_v4() const { return storage_.v4.sin_family == AF_INET; }
  bool is_loopback() const;
  bool is_unspecified() const;
  bool is_link_local() const;
  std::uint16_t port() const;
  Address with_port(std::uint16_t port) const;
  // For sending through a dual-stack IPv6 socket: ::ffff:a.b.c.d; IPv6 addresses as they are.
  Address mapped() const;

  std::string ip() const;         // 192.0.2.1, 2001:db8::1
  std::string to_string() const;  // 192.0.2.1:80, [2001:db8::1]:443
  std::size_t hash() const;

  friend bool operator==(const Address& a, const Address& b);

 private:
  union Storage {
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  Storage storage_;
};

}  // namespace roomgate

template <>
struct std::hash<roomgate::Address> {
  std::size_t operator()(const roomgate::Address& address) const { return address.hash(); }
};
