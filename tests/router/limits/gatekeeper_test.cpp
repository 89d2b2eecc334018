#include "router/limits/gatekeeper.hpp"

#include <doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::router::limits;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

Address ip(const std::string& text) { return *Address::from_ip(text, 1000); }

}  // namespace

TEST_CASE("an address has so many connections at a time, its neighbour others") {
  Gatekeeper gate({.connections = 2});
  auto first = gate.connection(ip("192.0.2.1"), kStart);
  auto second = gate.connection(ip("192.0.2.1"), kStart);

  CHECK(first.has_value());
  CHECK(second.has_value());
  CHECK(!gate.connection(ip("192.0.2.1"), kStart));
  CHECK(!gate.connection(ip("192.0.2.1").with_port(7), kStart));
  CHECK(gate.connection(ip("192.0.2.2"), kStart));

  first.reset();
  auto third = gate.connection(ip("192.0.2.1"), kStart);
  CHECK(third.has_value());
  CHECK(!gate.connection(ip("192.0.2.1"), kStart));
}

TEST_CASE("no limit where none is set, and for an empty ticket") {
  Gatekeeper gate({.connections = 0, .handshakes = {}, .requests = {}, .new_rooms = {}});
  std::vector<Ticket> tickets;
  for (int i = 0; i < 10'000; ++i) {
    auto ticket = gate.connection(ip("192.0.2.1"), kStart);
    REQUIRE(ticket.has_value());
    CHECK(gate.request(*ticket, kStart));
    tickets.push_back(std::move(*ticket));
  }

  Gatekeeper strict({.requests = {1, 1}});
  const Ticket nobody;
  CHECK(!nobody.limited());
  for (int i = 0; i < 10; ++i) CHECK(strict.request(nobody, kStart));
}

TEST_CASE("a burst passes at once, then the rate") {
  Gatekeeper gate({.requests = {10, 5}});
  const auto ticket = gate.connection(ip("192.0.2.1"), kStart);
  REQUIRE(ticket.has_value());

  for (int i = 0; i < 5; ++i) CHECK(gate.request(*ticket, kStart));
  CHECK(!gate.request(*ticket, kStart));
  CHECK(!gate.request(*ticket, kStart + milliseconds(99)));
  CHECK(gate.request(*ticket, kStart + milliseconds(100)));
  CHECK(!gate.request(*ticket, kStart + milliseconds(100)));
  // Refused ones cost nothing, and a rest fills no more than the burst.
  for (int i = 0; i < 5; ++i) CHECK(gate.request(*ticket, kStart + seconds(60)));
  CHECK(!gate.request(*ticket, kStart + seconds(60)));
}

TEST_CASE("each rate is counted apart, over all connections of the address") {
  Gatekeeper gate({.handshakes = {1, 1}, .requests = {1, 2}, .new_rooms = {1, 3}});
  const auto one = gate.connection(ip("192.0.2.1"), kStart);
  const auto other = gate.connection(ip("192.0.2.1"), kStart);
  const Ticket vouched = gate.client(ip("192.0.2.1"), kStart);

  CHECK(gate.handshake(*one, kStart));
  CHECK(!gate.handshake(*other, kStart));
  CHECK(gate.request(*one, kStart));
  CHECK(gate.request(vouched, kStart));
  CHECK(!gate.request(*other, kStart));
  CHECK(gate.new_room(*one, kStart));
  CHECK(gate.new_room(*other, kStart));
  CHECK(gate.new_room(vouched, kStart));
  CHECK(!gate.new_room(vouched, kStart));
}

TEST_CASE("what was used is remembered when all connections have gone") {
  Gatekeeper gate({.requests = {1, 2}});
  {
    const auto ticket = gate.connection(ip("192.0.2.1"), kStart);
    CHECK(gate.request(*ticket, kStart));
    CHECK(gate.request(*ticket, kStart));
  }

  const auto again = gate.connection(ip("192.0.2.1"), kStart);
  CHECK(!gate.request(*again, kStart));
  CHECK(gate.request(*again, kStart + seconds(1)));
}

TEST_CASE("of IPv6 a /64 counts as one address; IPv4 is one however it is written") {
  Gatekeeper gate({.connections = 1});
  const auto host = gate.connection(ip("2001:db8:0:1::1"), kStart);

  CHECK(!gate.connection(ip("2001:db8:0:1:ffff:ffff:ffff:ffff"), kStart));
  CHECK(gate.connection(ip("2001:db8:0:2::1"), kStart));

  const auto four = gate.connection(ip("192.0.2.1"), kStart);
  CHECK(!gate.connection(ip("::ffff:192.0.2.1"), kStart));
  CHECK(gate.connection(ip("::ffff:192.0.2.2"), kStart));
}

TEST_CASE("new limits count at once, for those who are here too") {
  Gatekeeper gate({.connections = 1, .requests = {0.001, 1}});
  const auto ticket = gate.connection(ip("192.0.2.1"), kStart);
  CHECK(gate.request(*ticket, kStart));
  CHECK(!gate.request(*ticket, kStart));

  gate.set_limits({.connections = 2, .requests = {100, 10}});

  CHECK(gate.connection(ip("192.0.2.1"), kStart));
  CHECK(!gate.request(*ticket, kStart));
  CHECK(gate.request(*ticket, kStart + milliseconds(10)));
  for (int i = 0; i < 10; ++i) CHECK(gate.request(*ticket, kStart + seconds(1)));
  gate.set_limits({.requests = {}});
  for (int i = 0; i < 100; ++i) CHECK(gate.request(*ticket, kStart + seconds(1)));
}

TEST_CASE("an address that has nothing open and full buckets is forgotten when its place is wanted") {
  Gatekeeper gate({.connections = 1, .requests = {1, 1}, .addresses = 16});
  for (int i = 0; i < 1000; ++i) {
    const auto now = kStart + seconds(2 * i);
    const auto ticket = gate.connection(ip("10.0.0." + std::to_string(i % 250)), now);
    REQUIRE(ticket.has_value());
    CHECK(gate.request(*ticket, now));
  }

  CHECK(gate.crowded() == 0);
}

TEST_CASE("when the table is full newcomers share one count, and those who are known keep theirs") {
  Gatekeeper gate({.connections = 3, .requests = {1, 2}, .addresses = 16});
  std::vector<Ticket> known;
  for (int i = 0; i < 16; ++i) known.push_back(*gate.connection(ip("10.0.0." + std::to_string(i)), kStart));
  CHECK(gate.crowded() == 0);

  auto a = gate.connection(ip("10.1.0.1"), kStart);
  auto b = gate.connection(ip("10.1.0.2"), kStart);
  auto c = gate.connection(ip("10.1.0.3"), kStart);
  CHECK(gate.crowded() == 3);
  CHECK(c.has_value());
  CHECK(!gate.connection(ip("10.1.0.4"), kStart));
  CHECK(gate.request(*a, kStart));
  CHECK(gate.request(*b, kStart));
  CHECK(!gate.request(*c, kStart));
  for (const Ticket& ticket : known) CHECK(gate.request(ticket, kStart));

  // Places become free: the next newcomer gets one of its own.
  known.clear();
  const auto later = kStart + seconds(10);
  auto d = gate.connection(ip("10.1.0.4"), later);
  REQUIRE(d.has_value());
  CHECK(gate.request(*d, later));
  CHECK(gate.request(*d, later));
}

TEST_CASE("a ticket that moves is counted once") {
  Gatekeeper gate({.connections = 1});
  auto first = gate.connection(ip("192.0.2.1"), kStart);
  Ticket moved = std::move(*first);
  first.reset();
  CHECK(!gate.connection(ip("192.0.2.1"), kStart));

  { const Ticket last = std::move(moved); }
  CHECK(gate.connection(ip("192.0.2.1"), kStart));
}
