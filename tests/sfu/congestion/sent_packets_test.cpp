#include "sfu/congestion/sent_packets.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::congestion;

namespace {
const TimePoint kStart{seconds(100)};
}

TEST_CASE("remembers size, time and probe of what was sent, and nothing of what was not") {
  SentPackets sent;
  sent.add(100, 0, kStart);
  sent.add(200, 3, kStart + milliseconds(5));

  REQUIRE(sent.find(1) != nullptr);
  CHECK(sent.find(1)->bytes == 200);
  CHECK(sent.find(1)->probe == 3);
  const std::int64_t now = sent.clock(kStart + milliseconds(8));
  CHECK(now - SentPackets::sent_at(*sent.find(1), now) == 3000);
  CHECK(sent.find(2) == nullptr);
  CHECK(sent.find(0xffff) == nullptr);
  CHECK(sent.next() == 2);
}

TEST_CASE("an idle receiver holds no records, a slow one the first few") {
  SentPackets sent;
  CHECK(sent.records() == 0);
  for (int i = 0; i < 1000; ++i) {
    sent.add(100, 0, kStart + i * seconds(1));
    sent.find(static_cast<std::uint16_t>(sent.next() - 1))->fate = Fate::arrived;
  }
  CHECK(sent.records() == SentPackets::Limits{}.first_records);
}

TEST_CASE(
    "grows while unanswered packets would be overwritten, up to its bound, and keeps them all until then") {
  SentPackets sent({.first_records = 4, .max_records = 64});
  for (int i = 0; i < 64; ++i) sent.add(static_cast<std::size_t>(i), 0, kStart + i * milliseconds(1));
  for (std::uint16_t i = 0; i < 64; ++i) REQUIRE(sent.find(i)->bytes == i);
  CHECK(sent.records() == 64);

  sent.add(64, 0, kStart + milliseconds(64));
  CHECK(sent.records() == 64);
  CHECK(sent.find(0) == nullptr);
  CHECK(sent.find(1)->bytes == 1);
}

TEST_CASE("packets too old for feedback give way without growth") {
  SentPackets sent({.first_records = 4, .max_records = 64, .awaited = seconds(1)});
  for (int i = 0; i < 100; ++i) sent.add(1, 0, kStart + i * milliseconds(500));
  CHECK(sent.records() == 4);
}

TEST_CASE("numbers wrap") {
  SentPackets sent;
  for (int i = 0; i < 70'000; ++i) sent.add(static_cast<std::size_t>(i % 1000), 0, kStart + i * seconds(1));
  const auto last = static_cast<std::uint16_t>(69'999);
  REQUIRE(sent.find(last) != nullptr);
  CHECK(sent.find(last)->bytes == 999);
  CHECK(sent.find(static_cast<std::uint16_t>(last + 1)) == nullptr);
}
