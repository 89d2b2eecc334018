#include "sfu/receive/receiver_statistics.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::receive;

namespace {

const TimePoint kStart{seconds(100)};

}  // namespace

TEST_CASE("has nothing to report before the first packet") {
  ReceiverStatistics statistics(1, 90000);
  CHECK_FALSE(statistics.report(kStart));
}

TEST_CASE("counts loss per interval and in all") {
  ReceiverStatistics statistics(7, 90000);
  for (std::uint16_t i = 0; i < 100; ++i) {
    if (i % 4 != 1) statistics.on_packet(i, i * 3000u, 1000, kStart + milliseconds(33) * i);
  }

  auto block = statistics.report(kStart);
  REQUIRE(block);
  CHECK(block->ssrc == 7);
  CHECK(block->fraction_lost == 64);
  CHECK(block->cumulative_lost == 25);
  CHECK(block->highest_sequence == 99);
  CHECK(statistics.bytes() == 75000);

  for (std::uint16_t i = 100; i < 200; ++i) statistics.on_packet(i, i * 3000u, 1000, kStart);
  block = statistics.report(kStart);
  CHECK(block->fraction_lost == 0);
  CHECK(block->cumulative_lost == 25);
}

TEST_CASE("duplicates make loss negative, not wrong") {
  ReceiverStatistics statistics(7, 90000);
  for (int i = 0; i < 5; ++i) statistics.on_packet(10, 0, 1, kStart);
  const auto block = statistics.report(kStart);
  CHECK(block->cumulative_lost == -4);
  CHECK(block->fraction_lost == 0);
}

TEST_CASE("counts turns of the sequence number") {
  ReceiverStatistics statistics(7, 90000);
  for (std::uint16_t i = 65530; i != 5; ++i) statistics.on_packet(i, 0, 1, kStart);
  CHECK(statistics.report(kStart)->highest_sequence == 0x10004);
}

TEST_CASE("jitter is zero for an even stream and grows to the size of the unevenness") {
  ReceiverStatistics even(1, 90000);
  ReceiverStatistics uneven(2, 90000);
  for (std::uint16_t i = 0; i < 500; ++i) {
    const std::uint32_t timestamp = i * 1800u;
    const TimePoint at = kStart + milliseconds(20) * i;
    even.on_packet(i, timestamp, 1, at);
    uneven.on_packet(i, timestamp, 1, at + (i % 2 == 0 ? milliseconds(10) : milliseconds(0)));
  }
  CHECK(even.report(kStart)->jitter == 0);
  const auto jitter = uneven.report(kStart)->jitter;  // 10 ms are 900 ticks
  CHECK(jitter > 850);
  CHECK(jitter <= 900);
}

TEST_CASE("one wild number is ignored, two in a row are a restart") {
  ReceiverStatistics statistics(1, 90000);
  for (std::uint16_t i = 0; i < 10; ++i) statistics.on_packet(i, 0, 1, kStart);
  statistics.on_packet(30000, 0, 1, kStart);
  CHECK(statistics.report(kStart)->highest_sequence == 9);

  statistics.on_packet(40000, 0, 1, kStart);
  statistics.on_packet(40001, 0, 1, kStart);
  const auto block = statistics.report(kStart);
  CHECK(block->highest_sequence == 40001);
  CHECK(block->cumulative_lost == 0);
}

TEST_CASE("echoes the last sender report, and the peer's echo gives the round trip") {
  ReceiverStatistics statistics(1, 90000);
  statistics.on_packet(1, 0, 1, kStart);
  CHECK(statistics.report(kStart)->last_sender_report == 0);

  statistics.on_sender_report(0x0000123456780000, kStart);
  const auto block = statistics.report(kStart + milliseconds(500));

  CHECK(block->last_sender_report == 0x12345678);
  CHECK(block->delay_since_sender_report == 32768);
  const auto rtt = round_trip(*block, 0x12345678 + 32768 + 6554);
  REQUIRE(rtt);
  CHECK(*rtt > milliseconds(99));
  CHECK(*rtt < milliseconds(101));
  CHECK_FALSE(round_trip(*block, 0x12345678));
  CHECK_FALSE(round_trip({}, 5));
}
