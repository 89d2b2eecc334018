#include "sfu/congestion/transport_cc_collector.hpp"

#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <vector>

#include "sfu/rtp/sequence.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::congestion;

namespace {

const TimePoint kStart{seconds(100)};

struct Told {
  std::map<std::uint16_t, std::int64_t> received;  // number -> 250 us ticks, by the feedback's clock
  std::vector<std::uint16_t> missing;
  std::size_t packets = 0;
  std::uint8_t last_count = 0;
};

Told drain(TransportCcCollector& collector, TimePoint now) {
  Told told;
  std::vector<std::uint8_t> out(rtp::kMaxFeedbackBytes);
  while (const std::size_t size = collector.build(1, 2, now, out)) {
    rtp::RtcpReader reader(ByteView(out).first(size));
    const auto packet = reader.next();
    REQUIRE(packet);
    std::vector<rtp::PacketStatus> statuses(rtp::kMaxStatuses);
    const auto feedback = rtp::read_transport_feedback(*packet, statuses);
    REQUIRE(feedback);
    std::int64_t ticks = std::int64_t{feedback->head.reference_time} * rtp::kTicksPerReference;
    for (std::size_t i = 0; i < feedback->count; ++i) {
      const auto number = static_cast<std::uint16_t>(feedback->head.base_sequence + i);
      if (statuses[i].received) {
        ticks += statuses[i].delta;
        told.received[number] = ticks;
      } else {
        told.missing.push_back(number);
      }
    }
    told.last_count = feedback->head.feedback_count;
    REQUIRE(++told.packets < 20);
  }
  return told;
}

}  // namespace

TEST_CASE("feedback is due after 100 ms, after 50 with many packets, and never for nothing") {
  TransportCcCollector collector;
  CHECK_FALSE(collector.due(kStart));
  collector.on_packet(1, kStart);
  CHECK_FALSE(collector.due(kStart + milliseconds(99)));
  CHECK(collector.due(kStart + milliseconds(100)));
  for (std::uint16_t i = 2; i < 30; ++i) collector.on_packet(i, kStart);
  CHECK_FALSE(collector.due(kStart + milliseconds(49)));
  CHECK(collector.due(kStart + milliseconds(50)));

  drain(collector, kStart + milliseconds(50));

  CHECK_FALSE(collector.due(kStart + seconds(10)));
}

TEST_CASE("tells arrivals to the quarter of a millisecond, losses and the wrap") {
  TransportCcCollector collector;
  collector.on_packet(65534, kStart);
  collector.on_packet(65535, kStart + microseconds(250));
  collector.on_packet(2, kStart + milliseconds(70));
  collector.on_packet(1, kStart + milliseconds(90));

  const Told told = drain(collector, kStart + milliseconds(100));

  CHECK(told.packets == 1);
  CHECK(told.received == std::map<std::uint16_t, std::int64_t>{{65534, 0}, {65535, 1}, {2, 280}, {1, 360}});
  CHECK(told.missing == std::vector<std::uint16_t>{0});
}

TEST_CASE("a late packet, told as missing before, is told again") {
  TransportCcCollector collector;
  collector.on_packet(1, kStart);
  collector.on_packet(3, kStart);
  CHECK(drain(collector, kStart).missing == std::vector<std::uint16_t>{2});

  collector.on_packet(2, kStart + milliseconds(5));
  collector.on_packet(2, kStart + milliseconds(6));  // and its duplicate changes nothing

  const Told told = drain(collector, kStart + milliseconds(100));
  CHECK(told.received.at(2) == 20);
  CHECK(told.missing.empty());
}

TEST_CASE("splits what one packet can not tell: too many numbers, or too long a pause") {
  TransportCcCollector many;
  for (std::uint16_t i = 0; i < 1500; ++i) many.on_packet(i, kStart);
  const Told all = drain(many, kStart);
  CHECK(all.packets == 4);
  CHECK(all.received.size() == 1500);
  CHECK(all.last_count == 3);

  TransportCcCollector paused;
  paused.on_packet(1, kStart);
  paused.on_packet(2, kStart + seconds(9));
  const Told both = drain(paused, kStart + seconds(9));
  CHECK(both.packets == 2);
  CHECK(both.received.at(2) - both.received.at(1) == 36000);
}

TEST_CASE("a jump of the counter starts anew, with nothing told about the hole") {
  TransportCcCollector collector;
  collector.on_packet(10, kStart);
  collector.on_packet(30000, kStart);
  const Told told = drain(collector, kStart);
  CHECK(told.received.size() == 1);
  CHECK(told.missing.empty());
}

TEST_CASE("needs room for its packet, and says so by writing none") {
  TransportCcCollector collector;
  collector.on_packet(10, kStart);
  std::vector<std::uint8_t> small(20);
  CHECK(collector.build(1, 2, kStart, small) == 0);
  CHECK(drain(collector, kStart).received.size() == 1);
}

TEST_CASE("random arrivals: every packet is told once or more, with its true time") {
  std::mt19937 random(9);
  for (int round = 0; round < 40; ++round) {
    TransportCcCollector collector;
    std::map<std::uint16_t, std::int64_t> truth;
    Told told;
    const auto first = static_cast<std::uint16_t>(random());
    std::vector<std::uint16_t> order;
    for (std::uint16_t i = 0; i < 3000; ++i) {
      if (i == 0 || random() % 8 != 0) order.push_back(static_cast<std::uint16_t>(first + i));
    }
    for (std::size_t i = 6; i < order.size(); ++i) {
      if (random() % 6 == 0) std::swap(order[i], order[i - 1 - random() % 4]);
    }
    TimePoint now = kStart;
    TimePoint began;
    for (const std::uint16_t number : order) {
      now += microseconds(250) * static_cast<int>(random() % 40);
      if (truth.empty()) began = now;
      truth[number] = (now - began) / microseconds(250);
      collector.on_packet(number, now);
      if (!collector.due(now)) continue;
      for (const auto& [n, ticks] : drain(collector, now).received) told.received[n] = ticks;
    }
    for (const auto& [n, ticks] : drain(collector, now).received) told.received[n] = ticks;

    CHECK(told.received == truth);
  }
}

TEST_CASE("the clock of the feedback wraps with its 24 bits") {
  TransportCcCollector collector;
  collector.on_packet(1, kStart);
  drain(collector, kStart);
  // 2^24 times 64 ms, and one reference tick more.
  const TimePoint later = kStart + milliseconds(64) * ((1 << 24) + 1);
  collector.on_packet(2, later);
  CHECK(drain(collector, later).received.at(2) == 256);
}
