#include "base/network.hpp"

#include <doctest/doctest.h>

using namespace roomgate;

TEST_CASE("networks of both families contain what they should") {
  const auto networks = Networks::parse({"10.0.0.0/8", "192.0.2.128/25", "2001:db8::/33", "203.0.113.7"});
  REQUIRE(networks);
  const auto in = [&](const char* ip) { return networks->contains(*Address::from_ip(ip, 1)); };

  CHECK(in("10.255.0.1"));
  CHECK(!in("11.0.0.1"));
  CHECK(in("192.0.2.128"));
  CHECK(!in("192.0.2.127"));
  CHECK(in("2001:db8:7fff::1"));
  CHECK(!in("2001:db8:8000::1"));
  CHECK(in("203.0.113.7"));
  CHECK(!in("203.0.113.8"));
  CHECK(!in("::1"));
}

TEST_CASE("an empty prefix is everything of its family") {
  const auto networks = Networks::parse({"0.0.0.0/0"});
  REQUIRE(networks);
  CHECK(networks->contains(*Address::from_ip("198.51.100.1", 0)));
  CHECK(!networks->contains(*Address::from_ip("2001:db8::1", 0)));
}

TEST_CASE("refuses texts that are no networks") {
  for (const char* text : {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "host", "::/129", "10.0.0.0/"}) {
    CAPTURE(text);
    CHECK(!Networks::parse({text}));
  }
}
