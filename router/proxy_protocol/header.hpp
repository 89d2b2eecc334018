// The PROXY protocol, versions 1 (a line of text) and 2 (binary), receiving side: bytes in, one verdict out.
// Pure, any thread. Rule: HAProxy's doc/proxy-protocol.txt; what it leaves open is decided strictly, since a
// header comes from a front that was named in the settings, and one that is odd is a mistake to be seen.
//
//   version 1   PROXY TCP4|TCP6 SRC DST SPORT DPORT CRLF, or PROXY UNKNOWN ... CRLF; 107 bytes at most
//   version 2   signature, 0x20 LOCAL or 0x21 PROXY, family, length; addresses; TLVs that end where the length says
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::router::proxy_protocol {

struct Limits {
  std::size_t max_bytes = 2048;  // of a version 2 header, its TLVs included
};

enum class Error : std::uint8_t {
  signature,  // neither version
  line,       // version 1: not those six words
  address,    // version 1: no address of that family, or no port
  version,    // version 2: not 2, or neither LOCAL nor PROXY
  family,     // version 2: none of TCP over IPv4 or IPv6, or unspecified
  length,     // the addresses do not fit into it
  tlv,        // TLVs do not add up, or one has a wrong size
  checksum,   // CRC32c
  too_long,   // Limits::max_bytes
};
std::string_view to_text(Error error);

struct Header {
  std::size_t size = 0;  // bytes it takes
  int version = 1;
  // None: the front speaks for itself (LOCAL, a health check), or does not know (UNKNOWN, UNSPEC): the
  // connection's own addresses count.
  std::optional<Address> source;
  std::optional<Address> destination;
  bool tls = false;            // the client came to the front by TLS (PP2_TYPE_SSL)
  std::string_view authority;  // PP2_TYPE_AUTHORITY: the host name (SNI) asked for; a view into the bytes
  std::string_view alpn;       // PP2_TYPE_ALPN; a view into the bytes
};

// `bytes`: what the connection has sent so far. nullopt: good so far, but not complete; then all of `bytes`
// belongs to the header.
Result<std::optional<Header>, Error> parse(ByteView bytes, const Limits& limits = {});

}  // namespace roomgate::router::proxy_protocol
