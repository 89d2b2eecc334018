#include "router/tls/ticket_keys.hpp"

#include <doctest/doctest.h>

#include "base/encoding.hpp"

using namespace roomgate;
using namespace roomgate::router::tls;

namespace {
std::string line(std::uint8_t filler) { return to_base64(std::vector<std::uint8_t>(80, filler)) + "\n"; }
std::string error_of(const std::string& text) {
  const auto keys = TicketKeys::parse(text);
  return keys ? "" : keys.error();
}
}  // namespace

TEST_CASE("a key file's first line encrypts, all open") {
  const auto keys = TicketKeys::parse("# of November\n\n" + line(1) + "  " + line(2));

  REQUIRE(keys.ok());
  CHECK(keys->size() == 2);
  CHECK(keys->current().name[0] == 1);
  CHECK(keys->current().mac[31] == 1);
  const std::vector<unsigned char> second(16, 2);
  const std::vector<unsigned char> third(16, 3);
  CHECK(keys->find(second.data()) != nullptr);
  CHECK(keys->find(third.data()) == nullptr);
}

TEST_CASE("a key file's mistakes are told by line, and no key is shown") {
  std::string many;
  for (std::uint8_t i = 0; i < 9; ++i) many += line(i);

  CHECK(error_of("") == "there is no key in it");
  CHECK(error_of(line(1) + "AAAA\n") == "line 2: is not 80 bytes in base64");
  CHECK(error_of("not base64") == "line 1: is not 80 bytes in base64");
  CHECK(error_of(many) == "line 9: there are more than 8 keys");
  CHECK(error_of(line(1) + line(1)) == "line 2: is the same key as an earlier line");
}

TEST_CASE("a rotation keeps the newest two of the old keys") {
  const auto first = TicketKeys::random();
  const auto second = first.rotated();
  const auto third = second.rotated();
  const auto fourth = third.rotated();

  CHECK(third.size() == 3);
  CHECK(third.find(first.current().name.data()) != nullptr);
  CHECK(fourth.size() == 3);
  CHECK(fourth.find(first.current().name.data()) == nullptr);
  CHECK(fourth.find(second.current().name.data()) != nullptr);
  CHECK(fourth.find(third.current().name.data()) != nullptr);
}

TEST_CASE("keys that are handed over open and seal as before") {
  const TicketKeys before = TicketKeys::random().rotated();

  const auto after = TicketKeys::from_bytes(before.bytes());

  REQUIRE(after.has_value());
  CHECK(after->size() == before.size());
  CHECK(after->bytes() == before.bytes());
  CHECK(after->current().name == before.current().name);
  CHECK_FALSE(TicketKeys::from_bytes("").has_value());
  CHECK_FALSE(TicketKeys::from_bytes(before.bytes() + "x").has_value());
  CHECK_FALSE(TicketKeys::from_bytes(std::string(9 * 80, 'k')).has_value());
}
