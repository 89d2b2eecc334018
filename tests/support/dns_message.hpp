// DNS messages put together by hand, right ones and wrong ones.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace roomgate::tests {

inline constexpr std::uint16_t kDnsA = 1;
inline constexpr std::uint16_t kDnsCname = 5;
inline constexpr std::uint16_t kDnsAaaa = 28;
inline constexpr std::uint16_t kDnsSrv = 33;

inline void put16(std::string& out, std::uint32_t value) {
  out += static_cast<char>(value >> 8 & 0xff);
  out += static_cast<char>(value & 0xff);
}

// "web.example" as labels.
inline std::string dns_name(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto dot = std::min(text.find('.'), text.size());
    out += static_cast<char>(dot);
    out += text.substr(0, dot);
    text.remove_prefix(std::min(dot + 1, text.size()));
  }
  return out + '\0';
}

struct DnsRecord {
  std::string owner;  // as text
  std::uint16_t type = kDnsSrv;
  std::uint32_t ttl = 60;
  std::string data;
};

inline DnsRecord srv_record(std::string_view owner, std::uint16_t priority, std::uint16_t weight,
                            std::uint16_t port, std::string_view target, std::uint32_t ttl = 60) {
  DnsRecord record{std::string(owner), kDnsSrv, ttl, ""};
  for (const std::uint16_t number : {priority, weight, port}) put16(record.data, number);
  record.data += dns_name(target);
  return record;
}

inline DnsRecord cname_record(std::string_view owner, std::string_view target, std::uint32_t ttl = 60) {
  return {std::string(owner), kDnsCname, ttl, dns_name(target)};
}

inline DnsRecord address_record(std::string_view owner, std::string_view ip, std::uint32_t ttl = 60) {
  const Address address = *Address::from_ip(ip, 0);
  DnsRecord record{std::string(owner), address.is_v4() ? kDnsA : kDnsAaaa, ttl, ""};
  const auto* data = reinterpret_cast<const char*>(address.data());
  if (address.is_v4()) {
    record.data.assign(data + offsetof(sockaddr_in, sin_addr), 4);
  } else {
    record.data.assign(data + offsetof(sockaddr_in6, sin6_addr), 16);
  }
  return record;
}

struct DnsMessage {
  std::uint16_t id = 1;
  std::uint16_t flags =
      0x8180;        // an answer, recursion desired and available; the low four bits are the rcode
  std::string name;  // asked for
  std::uint16_t type = kDnsSrv;
  std::vector<DnsRecord> answers;

  std::string bytes() const {
    std::string out;
    for (const std::uint32_t number : {std::uint32_t{id}, std::uint32_t{flags}, 1U}) put16(out, number);
    put16(out, static_cast<std::uint32_t>(answers.size()));
    out += std::string(4, '\0') + dns_name(name);
    put16(out, type);
    put16(out, 1);
    for (const DnsRecord& record : answers) {
      out += dns_name(record.owner);
      put16(out, record.type);
      put16(out, 1);
      put16(out, record.ttl >> 16);
      put16(out, record.ttl & 0xffff);
      put16(out, static_cast<std::uint32_t>(record.data.size()));
      out += record.data;
    }
    return out;
  }
};

}  // namespace roomgate::tests
