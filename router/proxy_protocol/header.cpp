#include "router/proxy_protocol/header.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace roomgate::router::proxy_protocol {
namespace {

constexpr std::array<std::uint8_t, 12> kSignature = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                     0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::size_t kFixed = 16;  // signature, command, family, length
constexpr std::size_t kLongestLine = 107;
constexpr std::string_view kWord = "PROXY ";

using Parsed = Result<std::optional<Header>, Error>;

// One spelling per client: an IPv4 address in IPv6 clothes is an IPv4 address.
Address plain(const Address& address) {
  return Address::from_sockaddr(address.data(), address.size()).value_or(address);
}

// --- version 1

// Up to the next space, which is taken too.
std::string_view take_word(std::string_view& line) {
  const std::size_t space = line.find(' ');
  const std::string_view word = line.substr(0, space);
  line = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  return word;
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool leading_zero = text.size() > 1 && text[0] == '0';
  if (error != std::errc{} || end != text.data() + text.size() || leading_zero) return std::nullopt;
  return port;
}

std::optional<Address> address_of(std::string_view ip, std::string_view port, bool v4) {
  const auto number = port_of(port);
  if (!number) return std::nullopt;
  const auto address = Address::from_ip(ip, *number);
  if (!address || address->is_v4() != v4) return std::nullopt;
  return plain(*address);
}

Result<Header, Error> parse_line(std::string_view line) {
  Header header;
  header.size = line.size() + 2;
  line.remove_prefix(kWord.size());
  // Only what the grammar has: no second meaning for a NUL or a tab further down.
  if (!std::all_of(line.begin(), line.end(), [](char c) { return c >= ' ' && c <= '~'; })) {
    return fail(Error::line);
  }
  const std::string_view family = take_word(line);
  if (family == "UNKNOWN") return header;  // what follows it is to be ignored
  if (family != "TCP4" && family != "TCP6") return fail(Error::line);
  const std::string_view source = take_word(line);
  const std::string_view destination = take_word(line);
  const std::string_view source_port = take_word(line);
  header.source = address_of(source, source_port, family == "TCP4");
  header.destination = address_of(destination, line, family == "TCP4");
  if (!header.source || !header.destination) return fail(Error::address);
  return header;
}

Parsed parse_1(std::string_view text) {
  const std::string_view seen = text.substr(0, kLongestLine);
  const std::size_t end = seen.find('\r');
  const std::string_view line = seen.substr(0, end);
  if (line.find('\n') != std::string_view::npos) return fail(Error::line);
  if (end == std::string_view::npos || end + 1 == seen.size()) {
    if (seen.size() == kLongestLine) return fail(Error::line);
    return std::optional<Header>();
  }
  if (seen[end + 1] != '\n') return fail(Error::line);
  auto header = parse_line(line);
  if (!header) return fail(header.error());
  return std::optional<Header>(*header);
}

// --- version 2

std::uint32_t crc32c(std::uint32_t crc, std::uint8_t byte) {
  crc ^= byte;
  for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78U & (0U - (crc & 1U)));
  return crc;
}

// Over the whole header, its own four bytes as zeros.
bool checksum_fits(ByteView header, std::size_t at) {
  std::uint32_t crc = 0xffffffffU;
  for (std::size_t i = 0; i < header.size(); ++i) {
    crc = crc32c(crc, i >= at && i < at + 4 ? std::uint8_t{0} : header[i]);
  }
  return ~crc == load32(&header[at]);
}

// Walks TLVs to their end. visit(type, value, where the value begins) says false to stop.
template <class Visit>
Result<void, Error> each_tlv(ByteView bytes, std::size_t from, const Visit& visit) {
  ByteReader reader(bytes);
  reader.skip(from);
  while (!reader.failed() && reader.left() > 0) {
    const std::uint8_t type = reader.u8();
    const std::uint16_t length = reader.u16();
    const std::size_t at = reader.position();
    const ByteView value = reader.bytes(length);
    if (reader.failed()) break;
    if (auto done = visit(type, value, at); !done) return done;
  }
  if (reader.failed()) return fail(Error::tlv);
  return {};
}

Result<void, Error> read_ssl(ByteView value, Header& header) {
  constexpr std::size_t kClientAndVerify = 5;
  constexpr std::uint8_t kCameByTls = 0x01;
  if (value.size() < kClientAndVerify) return fail(Error::tlv);
  header.tls = (value[0] & kCameByTls) != 0;
  // Version, cipher, common name: not needed, but a front that miscounts them is not to be believed.
  return each_tlv(value, kClientAndVerify,
                  [](std::uint8_t, ByteView, std::size_t) { return Result<void, Error>(); });
}

Result<void, Error> read_tlvs(ByteView bytes, std::size_t from, Header& header) {
  return each_tlv(bytes, from, [&](std::uint8_t type, ByteView value, std::size_t at) -> Result<void, Error> {
    switch (type) {
      case 0x01: header.alpn = as_text(value); break;
      case 0x02:
        if (value.size() > 255) return fail(Error::tlv);
        header.authority = as_text(value);
        break;
      case 0x03:
        if (value.size() != 4) return fail(Error::tlv);
        if (!checksum_fits(bytes, at)) return fail(Error::checksum);
        break;
      case 0x20: return read_ssl(value, header);
      default: break;  // no-op, unique id, namespace, and what others have made up
    }
    return {};
  });
}

Address address_of_4(ByteView ip, std::uint16_t port) {
  sockaddr_in raw{};
  raw.sin_family = AF_INET;
  raw.sin_port = htons(port);
  std::memcpy(&raw.sin_addr, ip.data(), 4);
  return *Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

Address address_of_6(ByteView ip, std::uint16_t port) {
  sockaddr_in6 raw{};
  raw.sin6_family = AF_INET6;
  raw.sin6_port = htons(port);
  std::memcpy(&raw.sin6_addr, ip.data(), 16);
  return *Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&raw), sizeof raw);
}

Parsed parse_2(ByteView bytes, const Limits& limits) {
  constexpr std::uint8_t kLocal = 0x20;
  constexpr std::uint8_t kProxy = 0x21;
  if (bytes.size() > 12 && bytes[12] != kLocal && bytes[12] != kProxy) return fail(Error::version);
  if (bytes.size() < kFixed) return std::optional<Header>();
  const std::size_t size = kFixed + load16(&bytes[14]);
  if (size > limits.max_bytes) return fail(Error::too_long);
  const bool local = bytes[12] == kLocal;
  const std::uint8_t family = bytes[13];
  std::size_t ip_bytes = 0;
  switch (family) {
    case 0x00: break;
    case 0x11: ip_bytes = 4; break;
    case 0x21: ip_bytes = 16; break;
    default:
      // Datagrams and unix sockets name nobody who could have come here. LOCAL: the family does not matter.
      if (!local) return fail(Error::family);
  }
  const std::size_t address_bytes = ip_bytes == 0 ? 0 : 2 * ip_bytes + 4;
  if (!local && size < kFixed + address_bytes) return fail(Error::length);
  if (bytes.size() < size) return std::optional<Header>();

  Header header;
  header.size = size;
  header.version = 2;
  // Of LOCAL and of what is unspecified nothing but the length is to be read.
  if (local || family == 0x00) return std::optional<Header>(header);
  ByteReader reader(bytes.first(size));
  reader.skip(kFixed);
  const ByteView source = reader.bytes(ip_bytes);
  const ByteView destination = reader.bytes(ip_bytes);
  const std::uint16_t source_port = reader.u16();
  const std::uint16_t destination_port = reader.u16();
  const auto make = ip_bytes == 4 ? &address_of_4 : &address_of_6;
  header.source = make(source, source_port);
  header.destination = make(destination, destination_port);
  if (auto read = read_tlvs(bytes.first(size), reader.position(), header); !read) return fail(read.error());
  return std::optional<Header>(header);
}

bool begins_like(ByteView bytes, ByteView what) {
  const std::size_t both = std::min(bytes.size(), what.size());
  return std::equal(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(both), what.begin());
}

}  // namespace

std::string_view to_text(Error error) {
  switch (error) {
    case Error::signature: return "no PROXY header";
    case Error::line: return "a version 1 line that is not one";
    case Error::address: return "a version 1 line with wrong addresses or ports";
    case Error::version: return "an unknown version or command";
    case Error::family: return "an address family that is not TCP";
    case Error::length: return "a length too small for its addresses";
    case Error::tlv: return "extensions that do not add up";
    case Error::checksum: return "a wrong checksum";
    case Error::too_long: return "a header that is too long";
  }
  return "";
}

Result<std::optional<Header>, Error> parse(ByteView bytes, const Limits& limits) {
  if (begins_like(bytes, as_bytes(kWord))) {
    if (bytes.size() < kWord.size()) return std::optional<Header>();
    return parse_1(as_text(bytes));
  }
  if (begins_like(bytes, kSignature)) {
    if (bytes.size() < kSignature.size()) return std::optional<Header>();
    return parse_2(bytes, limits);
  }
  return fail(Error::signature);
}

}  // namespace roomgate::router::proxy_protocol
