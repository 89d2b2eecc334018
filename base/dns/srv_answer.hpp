// A DNS message that answers an SRV question (RFC 1035, RFC 2782), read from its bytes, since c-ares 1.18
// gives SRV records without their TTL. Sans-I/O: any bytes, bounded work. Only the answer section is read:
// addresses of targets that a server adds are ignored, targets are asked for by themselves, so that there is
// one way to an address.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/dns/error.hpp"
#include "base/result.hpp"

namespace roomgate::dns {

struct SrvRecord {
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t port = 0;
  // Lower case, without the last dot; bytes that a host name cannot have are \DDD. Empty: ".", which says
  // that there is no such service.
  std::string target;
  friend bool operator==(const SrvRecord&, const SrvRecord&) = default;
};

struct SrvAnswer {
  std::vector<SrvRecord> records;  // at least one; their order means nothing
  Duration ttl{};                  // the smallest of the records and the aliases that led to them
};

struct SrvLimits {
  std::size_t max_bytes = 65535;   // what TCP can carry
  std::size_t max_records = 4096;  // of the answer section
  std::size_t max_aliases = 8;
};

Result<SrvAnswer, DnsError> parse_srv_answer(ByteView message, const SrvLimits& limits = {});

}  // namespace roomgate::dns
