#include "sfu/congestion/feedback_matcher.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::congestion;

namespace {

const TimePoint kStart{seconds(100)};

struct Fixture {
  SentPackets sent;
  FeedbackMatcher matcher;
  std::vector<Arrival> arrivals;

  Fixture() {
    for (int i = 0; i < 10; ++i) sent.add(1000, 0, kStart + i * milliseconds(10));
  }
  FeedbackSummary feed(std::uint16_t base, std::vector<rtp::PacketStatus> statuses, TimePoint now,
                       std::uint32_t reference = 1000) {
    matcher.set_reference(reference, now);
    return matcher.match(sent, {.base_sequence = base}, statuses, now,
                         [&](const Arrival& arrival) { arrivals.push_back(arrival); });
  }
};

}  // namespace

TEST_CASE("times of sending and of arrival are put together, lost packets counted") {
  Fixture f;

  const auto summary = f.feed(0, {{true, 0}, {false, 0}, {true, 80}}, kStart + milliseconds(60));

  CHECK(summary.arrived == 2);
  CHECK(summary.lost == 1);
  CHECK(summary.round_trip == milliseconds(40));
  REQUIRE(f.arrivals.size() == 2);
  CHECK(f.arrivals[1].sent - f.arrivals[0].sent == 20'000);
  CHECK(f.arrivals[1].arrived - f.arrivals[0].arrived == 20'000);
}

TEST_CASE("a replay tells nothing twice, and unknown numbers tell nothing") {
  Fixture f;
  f.feed(0, {{true, 0}, {true, 40}}, kStart + milliseconds(60));

  const auto replay = f.feed(0, {{true, 0}, {true, 40}}, kStart + milliseconds(61));
  CHECK(replay.arrived == 0);
  CHECK(replay.unknown == 2);

  const auto unknown = f.feed(5000, {{true, 0}, {false, 0}}, kStart + milliseconds(62));
  CHECK(unknown.unknown == 2);
  CHECK(f.arrivals.size() == 2);
}

TEST_CASE("a packet said to be lost that came late is taken back once") {
  Fixture f;
  f.feed(0, {{false, 0}, {true, 40}}, kStart + milliseconds(60));

  const auto summary = f.feed(0, {{true, 0}}, kStart + milliseconds(70));

  CHECK(summary.found_later == 1);
  CHECK(f.feed(0, {{false, 0}}, kStart + milliseconds(80)).unknown == 1);
}

TEST_CASE("the receiver's clock may start anywhere and wrap, but not jump") {
  FeedbackMatcher matcher;
  CHECK_FALSE(matcher.set_reference(0xfffff0, kStart));
  CHECK_FALSE(matcher.set_reference(0xffffff, kStart + milliseconds(15 * 64)));
  CHECK_FALSE(matcher.set_reference(0x000001, kStart + milliseconds(17 * 64)));
  CHECK_FALSE(matcher.set_reference(0x000001 + 56'250, kStart + milliseconds(17 * 64) + seconds(3600)));
  CHECK(matcher.set_reference(0x000001 + 56'350, kStart + milliseconds(17 * 64) + seconds(3600)));
  CHECK(matcher.set_reference(0x000001, kStart + milliseconds(17 * 64) + seconds(3601)));
}
