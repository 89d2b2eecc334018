#include "peers-sync/codec/dictionary.hpp"

#include <doctest/doctest.h>

using namespace roomgate::peers_sync::codec;

TEST_CASE("a name travels once, then its number") {
  SendDictionary send;
  ReceiveDictionary receive;

  const Reference first = send.refer("s1");
  const Reference second = send.refer("s2");
  const Reference again = send.refer("s1");

  CHECK(first == Reference{1, "s1"});
  CHECK(second == Reference{2, "s2"});
  CHECK(again == Reference{1, {}});
  CHECK(receive.resolve(first) == "s1");
  CHECK(receive.resolve(again) == "s1");
}

TEST_CASE("with more names than places both sides still agree") {
  SendDictionary send;
  ReceiveDictionary receive;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 200; ++i) {
      const std::string name = "server-" + std::to_string(i * (round + 1) % 170);
      REQUIRE(receive.resolve(send.refer(name)) == name);
    }
  }
}

TEST_CASE("the 129th name takes the place of the first") {
  SendDictionary send;
  for (int i = 1; i <= 128; ++i) (void)send.refer("n" + std::to_string(i));

  CHECK(send.refer("n129") == Reference{1, "n129"});
  CHECK(send.refer("n2") == Reference{2, {}});
  CHECK(send.refer("n1") == Reference{2, "n1"});
}

TEST_CASE("a number whose text never came is no value") {
  ReceiveDictionary receive;

  CHECK(!receive.resolve({5, {}}));
  CHECK(!receive.resolve({0, "x"}));
  CHECK(!receive.resolve({129, "x"}));
}
