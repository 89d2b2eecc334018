#include "base/address.hpp"

#include <doctest/doctest.h>

using roomgate::Address;

TEST_CASE("reads and writes IPv4 and IPv6 addresses with ports") {
  CHECK(Address::parse("192.0.2.1:80")->to_string() == "192.0.2.1:80");
  CHECK(Address::parse("[2001:db8::1]:443")->to_string() == "[2001:db8::1]:443");
  CHECK(Address::parse("[::]:443")->is_unspecified());
  CHECK(Address::parse("::1", 7)->to_string() == "[::1]:7");
  CHECK(Address::parse("10.0.0.1", 7)->port() == 7);
}

TEST_CASE("refuses addresses without a port, with names or with rubbish behind") {
  for (const char* text : {"", "192.0.2.1", "192.0.2.1:", "host:80", "[::1", "[::1]80",
                           "[::1]:", "1.2.3.4:70000", "1.2.3.4:8x"}) {
    CAPTURE(text);
    CHECK(!Address::parse(text));
  }
}

TEST_CASE("an IPv4-mapped address is the IPv4 address") {
  const Address plain = *Address::parse("192.0.2.9:5000");
  const Address mapped = plain.mapped();

  const auto back = Address::from_sockaddr(mapped.data(), mapped.size());

  CHECK(!mapped.is_v4());
  REQUIRE(back);
  CHECK(*back == plain);
  CHECK(back->hash() == plain.hash());
}
