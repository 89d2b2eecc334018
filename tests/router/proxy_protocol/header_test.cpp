#include "router/proxy_protocol/header.hpp"

#include <doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::router::proxy_protocol;

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::string_view kLine = "PROXY TCP4 192.0.2.1 198.51.100.2 40000 443\r\n";

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes version_2(std::uint8_t command, std::uint8_t family, const Bytes& rest) {
  Bytes out = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, command, family};
  out.push_back(static_cast<std::uint8_t>(rest.size() >> 8));
  out.push_back(static_cast<std::uint8_t>(rest.size()));
  return out + rest;
}

Bytes tlv(std::uint8_t type, const Bytes& value) {
  Bytes out = {type, static_cast<std::uint8_t>(value.size() >> 8), static_cast<std::uint8_t>(value.size())};
  return out + value;
}

Bytes text(std::string_view words) { return {words.begin(), words.end()}; }

const Bytes kFour = {192, 0, 2, 1, 198, 51, 100, 2, 0x9c, 0x40, 0x01, 0xbb};

std::optional<Error> error_of(const Bytes& bytes) {
  const auto parsed = parse(bytes);
  return parsed ? std::nullopt : std::optional(parsed.error());
}

std::optional<Error> error_of(std::string_view bytes) {
  const auto parsed = parse(as_bytes(bytes));
  return parsed ? std::nullopt : std::optional(parsed.error());
}

}  // namespace

TEST_CASE("a line of version 1 names both ends and takes itself only") {
  const std::string stream = std::string(kLine) + "GET / HTTP/1.1\r\n";

  const auto parsed = parse(as_bytes(stream));

  REQUIRE(parsed);
  REQUIRE(parsed->has_value());
  CHECK((*parsed)->size == kLine.size());
  CHECK((*parsed)->version == 1);
  CHECK((*parsed)->source->to_string() == "192.0.2.1:40000");
  CHECK((*parsed)->destination->to_string() == "198.51.100.2:443");
}

TEST_CASE("version 1 over IPv6; a mapped address is an IPv4 address") {
  const auto six = parse(as_bytes("PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n"));
  const auto mapped = parse(as_bytes("PROXY TCP6 ::ffff:192.0.2.1 2001:db8::2 1 2\r\n"));

  REQUIRE(six);
  CHECK((*six)->source->to_string() == "[2001:db8::1]:0");
  CHECK((*six)->destination->port() == 65535);
  REQUIRE(mapped);
  CHECK((*mapped)->source->to_string() == "192.0.2.1:1");
}

TEST_CASE("UNKNOWN names nobody, whatever follows it") {
  for (const char* line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN 1.2.3.4 x y z\r\n"}) {
    const auto parsed = parse(as_bytes(line));
    REQUIRE(parsed);
    REQUIRE(parsed->has_value());
    CHECK(!(*parsed)->source);
    CHECK((*parsed)->size == std::string_view(line).size());
  }
}

TEST_CASE("a line of version 1 that is not one is refused") {
  struct Row {
    std::string_view bytes;
    Error error;
  };
  const std::string nul("PROXY TCP4 192.0.2.1\0 198.51.100.2 1 2\r\n", 40);
  const Row rows[] = {
      {"GET / HTTP/1.1\r\n", Error::signature},
      {"proxy TCP4 192.0.2.1 198.51.100.2 1 2\r\n", Error::signature},
      {"PROXY  TCP4 192.0.2.1 198.51.100.2 1 2\r\n", Error::line},
      {"PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", Error::line},
      {"PROXY UNKNOWNX\r\n", Error::line},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n", Error::line},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2\rX", Error::line},
      {"PROXY TCP4\t192.0.2.1 198.51.100.2 1 2\r\n", Error::line},
      {nul, Error::line},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1\r\n", Error::address},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 2 \r\n", Error::address},
      {"PROXY TCP4 192.0.2.1  198.51.100.2 1 2\r\n", Error::address},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 1 65536\r\n", Error::address},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 01 2\r\n", Error::address},
      {"PROXY TCP4 192.0.2.1 198.51.100.2 -1 2\r\n", Error::address},
      {"PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n", Error::address},
      {"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n", Error::address},
      {"PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", Error::address},
      {"PROXY TCP4 localhost 198.51.100.2 1 2\r\n", Error::address},
  };
  for (const Row& row : rows) {
    CAPTURE(row.bytes);
    CHECK(error_of(row.bytes) == row.error);
  }
}

TEST_CASE("a line of version 1 ends within 107 bytes") {
  const std::string fits = "PROXY UNKNOWN " + std::string(91, 'x') + "\r\n";
  const std::string longer = "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n";

  CHECK(fits.size() == 107);
  CHECK(!error_of(fits));
  CHECK(error_of(longer) == Error::line);
  CHECK(error_of("PROXY UNKNOWN " + std::string(500, 'x')) == Error::line);
}

TEST_CASE("version 2 over IPv4 and IPv6") {
  Bytes six(36);
  six[0] = 0x20;
  six[15] = 1;
  six[16] = 0x20;
  six[31] = 2;
  six[33] = 80;

  const Bytes wire = version_2(0x21, 0x11, kFour) + text("GET");
  const auto four = parse(wire);
  const auto over_6 = parse(version_2(0x21, 0x21, six));

  REQUIRE(four);
  CHECK((*four)->size == 28);
  CHECK((*four)->version == 2);
  CHECK((*four)->source->to_string() == "192.0.2.1:40000");
  CHECK((*four)->destination->to_string() == "198.51.100.2:443");
  CHECK(!(*four)->tls);
  REQUIRE(over_6);
  CHECK((*over_6)->source->to_string() == "[2000::1]:80");
}

TEST_CASE("LOCAL and unspecified name nobody; their bytes are taken") {
  for (const Bytes& wire : {version_2(0x20, 0x00, {}), version_2(0x20, 0x11, kFour),
                            version_2(0x20, 0x31, {1, 2}), version_2(0x21, 0x00, {1, 2, 3})}) {
    const auto parsed = parse(wire);
    REQUIRE(parsed);
    REQUIRE(parsed->has_value());
    CHECK(!(*parsed)->source);
    CHECK((*parsed)->size == wire.size());
  }
}

TEST_CASE("extensions: TLS, host name, ALPN; others are passed over") {
  const Bytes ssl = tlv(0x20, Bytes{0x01, 0, 0, 0, 0} + tlv(0x21, text("TLSv1.3")));
  const Bytes wire = version_2(0x21, 0x11,
                               kFour + tlv(0x01, text("h2")) + tlv(0x02, text("meet.example")) + ssl +
                                   tlv(0x04, Bytes(3)) + tlv(0xea, text("vpce-1")));

  const auto parsed = parse(wire);

  REQUIRE(parsed);
  REQUIRE(parsed->has_value());
  CHECK((*parsed)->tls);
  CHECK((*parsed)->authority == "meet.example");
  CHECK((*parsed)->alpn == "h2");
  CHECK((*parsed)->size == wire.size());
  const auto plain = parse(version_2(0x21, 0x11, kFour + tlv(0x20, {0x00, 0, 0, 0, 1})));
  REQUIRE(plain);
  CHECK(!(*plain)->tls);
}

TEST_CASE("a checksum is held to") {
  Bytes wire = version_2(0x21, 0x11, kFour + tlv(0x03, Bytes(4)));
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : wire) {
    crc ^= byte;
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82f63b78 : crc >> 1;
  }
  store32(&wire[wire.size() - 4], ~crc);
  CHECK(!error_of(wire));

  wire[16] ^= 1;
  CHECK(error_of(wire) == Error::checksum);
}

TEST_CASE("a version 2 header that is wrong is refused") {
  struct Row {
    Bytes bytes;
    Error error;
  };
  Bytes other_signature = version_2(0x21, 0x11, kFour);
  other_signature[11] = 0x0d;
  const Row rows[] = {
      {other_signature, Error::signature},
      {version_2(0x11, 0x11, kFour), Error::version},
      {version_2(0x22, 0x11, kFour), Error::version},
      {version_2(0x21, 0x12, kFour), Error::family},
      {version_2(0x21, 0x31, Bytes(216)), Error::family},
      {version_2(0x21, 0x41, kFour), Error::family},
      {version_2(0x21, 0x11, Bytes(11)), Error::length},
      {version_2(0x21, 0x21, kFour), Error::length},
      {version_2(0x21, 0x11, kFour + Bytes{0x04}), Error::tlv},
      {version_2(0x21, 0x11, kFour + Bytes{0x04, 0}), Error::tlv},
      {version_2(0x21, 0x11, kFour + Bytes{0x04, 0, 1}), Error::tlv},
      {version_2(0x21, 0x11, kFour + Bytes{0x04, 0xff, 0xff, 0}), Error::tlv},
      {version_2(0x21, 0x11, kFour + tlv(0x20, {1, 0, 0, 0})), Error::tlv},
      {version_2(0x21, 0x11, kFour + tlv(0x20, {1, 0, 0, 0, 0, 0x21, 0, 9})), Error::tlv},
      {version_2(0x21, 0x11, kFour + tlv(0x02, Bytes(256, 'a'))), Error::tlv},
      {version_2(0x21, 0x11, kFour + tlv(0x03, Bytes(3))), Error::tlv},
      {version_2(0x21, 0x11, kFour + Bytes(3000)), Error::too_long},
  };
  for (const Row& row : rows) {
    CAPTURE(static_cast<int>(row.error));
    CHECK(error_of(row.bytes) == row.error);
  }
}

TEST_CASE("byte by byte gives the same, and a prefix is never more than incomplete") {
  const Bytes two = version_2(0x21, 0x11, kFour + tlv(0x01, text("h2")));
  for (const Bytes& wire : {text(kLine), two}) {
    for (std::size_t size = 0; size < wire.size(); ++size) {
      const auto parsed = parse(ByteView(wire).first(size));
      CAPTURE(size);
      REQUIRE(parsed);
      CHECK(!parsed->has_value());
    }
    CHECK(parse(wire)->has_value());
  }
}

TEST_CASE("a length that is too large is refused before its bytes have come") {
  Bytes wire = version_2(0x21, 0x11, kFour);
  wire[14] = 0xff;

  CHECK(error_of(Bytes(wire.begin(), wire.begin() + 16)) == Error::too_long);
}

TEST_CASE("every error has words of its own") {
  for (int i = 0; i <= static_cast<int>(Error::too_long); ++i) CHECK(!to_text(static_cast<Error>(i)).empty());
}
