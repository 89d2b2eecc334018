#include "sfu/send/rtx_sender.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::send;

TEST_CASE("numbers go on by one, across the wrap") {
  RtxSender rtx(1, 65535);
  const TimePoint now{seconds(100)};
  CHECK(rtx.next(100, now) == 65535);
  CHECK(rtx.next(100, now) == 0);
}

TEST_CASE("shard rule 11: bytes per round trip are bounded, and a refused packet takes no number") {
  RtxSender rtx(1, 0, {.max_bytes_per_round_trip = 1000});
  rtx.on_round_trip(milliseconds(200));
  const TimePoint now{seconds(100)};
  CHECK(rtx.next(600, now) == 0);
  CHECK_FALSE(rtx.next(600, now));
  CHECK(rtx.next(400, now) == 1);
  CHECK_FALSE(rtx.next(1, now + milliseconds(199)));
  CHECK(rtx.next(600, now + milliseconds(200)) == 2);
  CHECK(rtx.refused() == 2);
}

TEST_CASE("a tiny round trip does not lift the bound") {
  RtxSender rtx(1, 0, {.max_bytes_per_round_trip = 1000});
  rtx.on_round_trip(microseconds(1));
  const TimePoint now{seconds(100)};
  CHECK(rtx.next(1000, now));
  CHECK_FALSE(rtx.next(1000, now + milliseconds(49)));
}

TEST_CASE("padding takes numbers of the same stream, whatever is left of a round trip's bytes") {
  RtxSender rtx(1, 7, {.max_bytes_per_round_trip = 1000});
  const TimePoint now{seconds(100)};

  CHECK(rtx.next(1000, now) == 7);
  CHECK(rtx.next_padding() == 8);
  CHECK_FALSE(rtx.next(1000, now));
  CHECK(rtx.next_padding() == 9);
}

TEST_CASE("a path that has become thin is given half of what it carries, and never nothing") {
  RtxSender rtx(1, 0);
  rtx.on_round_trip(milliseconds(200));
  const TimePoint now{seconds(100)};

  rtx.on_estimate(400'000);  // 10,000 bytes in a round trip
  CHECK(rtx.next(5'000, now));
  CHECK_FALSE(rtx.next(1, now));

  rtx.on_estimate(20'000);
  CHECK(rtx.next(3'000, now + milliseconds(200)));
  CHECK_FALSE(rtx.next(1, now + milliseconds(200)));
}

TEST_CASE("a wide path, and one of which nothing is known, have the fixed bound") {
  RtxSender rtx(1, 0, {.max_bytes_per_round_trip = 10'000});
  const TimePoint now{seconds(100)};

  CHECK(rtx.next(10'000, now));
  CHECK_FALSE(rtx.next(1, now));
  rtx.on_estimate(100e6);
  CHECK_FALSE(rtx.next(1, now));
}
