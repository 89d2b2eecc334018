#include "sfu/bridge/sender_allowance.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

// How many packets of `bytes` pass when a sender offers more than it may for that long.
int passed(SenderAllowance& allowance, std::size_t bytes, int tenths) {
  int count = 0;
  for (int i = 0; i < tenths; ++i) {
    for (int packet = 0; packet < 10'000 && allowance.open(); ++packet, ++count) allowance.take(bytes);
    allowance.fill(milliseconds(100));
  }
  return count;
}

}  // namespace

TEST_CASE("a flood is cut to the packet rate, after one second's worth at once") {
  SenderAllowance allowance({.packets_per_second = 1000, .bits_per_second = 1e9});

  CHECK(passed(allowance, 100, 1) == 1000);
  CHECK(passed(allowance, 100, 100) == 10'000);
}

TEST_CASE("large packets are cut to the bit rate") {
  SenderAllowance allowance({.packets_per_second = 1e6, .bits_per_second = 8e6});

  passed(allowance, 1000, 1);

  CHECK(passed(allowance, 1000, 100) == doctest::Approx(10'000).epsilon(0.001));
}

TEST_CASE("who stays below the bounds never meets them") {
  SenderAllowance allowance({.packets_per_second = 1000, .bits_per_second = 8e6});
  bool always = true;

  for (int i = 0; i < 1000; ++i) {
    for (int packet = 0; packet < 99; ++packet) {
      always = always && allowance.open();
      allowance.take(1000);
    }
    allowance.fill(milliseconds(100));
  }

  CHECK(always);
}
