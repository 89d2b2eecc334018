#include "sfu/receive/nack_generator.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::receive;

namespace {

const TimePoint kStart{seconds(100)};

std::vector<std::uint16_t> asked(NackGenerator& nacks, TimePoint now, std::size_t room = 64) {
  std::vector<std::uint16_t> out(room);
  out.resize(nacks.due(now, out));
  return out;
}

}  // namespace

TEST_CASE("shard rule 11: asks for what is missing, after a moment of patience") {
  NackGenerator nacks;
  nacks.on_packet(10, kStart);
  nacks.on_packet(13, kStart);

  CHECK(asked(nacks, kStart + milliseconds(9)).empty());
  CHECK(asked(nacks, kStart + milliseconds(10)) == std::vector<std::uint16_t>{11, 12});
}

TEST_CASE("does not ask for what was only late") {
  NackGenerator nacks;
  nacks.on_packet(10, kStart);
  nacks.on_packet(12, kStart);
  nacks.on_packet(11, kStart + milliseconds(3));

  CHECK(nacks.idle());
  CHECK(asked(nacks, kStart + milliseconds(100)).empty());
}

TEST_CASE("asks again after a round trip, ten times at most, then gives up once") {
  NackGenerator nacks;
  nacks.on_round_trip(milliseconds(40));
  nacks.on_packet(10, kStart);
  nacks.on_packet(12, kStart);

  int times = 0;
  for (int ms = 0; ms < 2000; ms += 5)
    times += static_cast<int>(asked(nacks, kStart + milliseconds(ms)).size());

  CHECK(times == 10);
  CHECK(nacks.idle());
  CHECK(nacks.take_gave_up());
  CHECK_FALSE(nacks.take_gave_up());
}

TEST_CASE("a retry waits for the round trip, within bounds") {
  struct Case {
    int rtt;
    int retry;
  };
  for (const auto& [rtt, retry] : {Case{0, 20}, Case{40, 50}, Case{5000, 400}}) {
    NackGenerator nacks;
    nacks.on_round_trip(milliseconds(rtt));
    nacks.on_packet(10, kStart);
    nacks.on_packet(12, kStart);
    const TimePoint first = kStart + milliseconds(10);
    REQUIRE(asked(nacks, first).size() == 1);
    CHECK(asked(nacks, first + milliseconds(retry - 1)).empty());
    CHECK(asked(nacks, first + milliseconds(retry)).size() == 1);
  }
}

TEST_CASE("a gap of a hundred or more is not asked for but reported") {
  NackGenerator nacks;
  nacks.on_packet(10, kStart);
  CHECK_FALSE(nacks.on_packet(110, kStart));  // 99 missing
  CHECK(nacks.pending() == 99);
  CHECK(nacks.on_packet(211, kStart));  // 100 missing
  CHECK(nacks.idle());
}

TEST_CASE("works across the wrap") {
  NackGenerator nacks;
  nacks.on_packet(65534, kStart);
  nacks.on_packet(1, kStart);
  CHECK(asked(nacks, kStart + seconds(1)) == std::vector<std::uint16_t>{65535, 0});
}

TEST_CASE("gives no more than the caller has room for, the rest next time") {
  NackGenerator nacks;
  nacks.on_packet(0, kStart);
  nacks.on_packet(50, kStart);
  CHECK(asked(nacks, kStart + seconds(1), 30).size() == 30);
  CHECK(asked(nacks, kStart + seconds(1), 30).size() == 19);
}

TEST_CASE("the list is bounded, the oldest go first") {
  NackGenerator nacks;
  std::uint16_t sequence = 0;
  nacks.on_packet(sequence, kStart);
  for (int i = 0; i < 20; ++i) nacks.on_packet(sequence = static_cast<std::uint16_t>(sequence + 91), kStart);

  CHECK(nacks.pending() <= 256);
  CHECK(nacks.take_gave_up());
  for (const std::uint16_t number : asked(nacks, kStart + seconds(1), 300)) {
    CHECK(static_cast<std::uint16_t>(sequence - number) <= 512);
  }
}

TEST_CASE("a restart far behind begins anew") {
  NackGenerator nacks;
  nacks.on_packet(20000, kStart);
  nacks.on_packet(20002, kStart);
  nacks.on_packet(10000, kStart);
  CHECK(nacks.idle());
  nacks.on_packet(10002, kStart);
  CHECK(asked(nacks, kStart + seconds(1)) == std::vector<std::uint16_t>{10001});
}

TEST_CASE("random loss and reordering: exactly the lost ones are asked for") {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    NackGenerator nacks;
    std::set<std::uint16_t> lost;
    std::vector<std::uint16_t> order;
    const auto first = static_cast<std::uint16_t>(random());
    order.push_back(first);
    for (std::uint16_t i = 1; i < 200; ++i) {
      const auto sequence = static_cast<std::uint16_t>(first + i);
      if (i < 199 && random() % 10 == 0) {
        lost.insert(sequence);
      } else {
        order.push_back(sequence);
      }
    }
    for (std::size_t i = 2; i < order.size(); ++i) {
      if (random() % 5 == 0) std::swap(order[i - 1], order[i]);
    }
    for (const std::uint16_t sequence : order) nacks.on_packet(sequence, kStart);

    std::set<std::uint16_t> got;
    for (const std::uint16_t sequence : asked(nacks, kStart + seconds(1), 300)) got.insert(sequence);

    CHECK(got == lost);
  }
}
