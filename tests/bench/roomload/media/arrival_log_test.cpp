#include "bench/roomload/media/arrival_log.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>
#include <vector>

#include "sfu/rtp/rtcp.hpp"
#include "sfu/rtp/transport_feedback.hpp"

using namespace roomgate;
using namespace roomgate::bench::roomload::media;
namespace rtp = roomgate::sfu::rtp;

namespace {

const TimePoint kNow{seconds(10)};

struct Told {
  std::map<std::uint16_t, std::int64_t> received;  // number to time in 250 us
  std::vector<std::uint16_t> missing;
  std::vector<std::uint8_t> counts;
};

void build_all(ArrivalLog& log, TimePoint now, Told& told) {
  std::vector<std::uint8_t> space(1200);
  while (const std::size_t size = log.build(1, 2, now, space)) {
    rtp::RtcpReader reader(ByteView(space).first(size));
    std::vector<rtp::PacketStatus> statuses(1000);
    const auto packet = reader.next();
    REQUIRE(packet);
    const auto feedback = rtp::read_transport_feedback(*packet, statuses);
    REQUIRE(feedback);
    told.counts.push_back(feedback->head.feedback_count);
    std::int64_t at = std::int64_t{feedback->head.reference_time} * rtp::kTicksPerReference;
    for (std::size_t i = 0; i < feedback->count; ++i) {
      const auto number = static_cast<std::uint16_t>(feedback->head.base_sequence + i);
      if (!statuses[i].received) {
        told.missing.push_back(number);
        continue;
      }
      at += statuses[i].delta;
      REQUIRE(told.received.emplace(number, at).second);
    }
  }
}

}  // namespace

TEST_CASE("every 100 ms, or 50 ms when there are twenty to tell") {
  ArrivalLog log;
  CHECK(log.due() == TimePoint::max());
  Told told;
  log.on_packet(1, kNow);
  build_all(log, kNow, told);

  log.on_packet(2, kNow + milliseconds(1));
  CHECK(log.due() == kNow + milliseconds(100));
  for (std::uint16_t i = 3; i < 22; ++i) log.on_packet(i, kNow + milliseconds(2));
  CHECK(log.due() == kNow + milliseconds(50));
}

TEST_CASE("each packet that came is told once, with its time; each that did not as missing") {
  std::mt19937 random(9);
  ArrivalLog log;
  Told told;
  std::map<std::uint16_t, std::int64_t> came;
  std::set<std::uint16_t> lost;
  TimePoint now = kNow;
  std::uint16_t number = 65000;
  std::vector<std::uint16_t> late;
  for (int i = 0; i < 4000; ++i, ++number) {
    now += microseconds(random() % 4000);
    const auto arrive = [&](std::uint16_t n) {
      log.on_packet(n, now);
      came[n] = std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count() / 250;
    };
    const auto fate = random() % 100;
    if (fate < 5) {
      lost.insert(number);
    } else if (fate < 10) {
      late.push_back(number);
    } else {
      arrive(number);
    }
    if (!late.empty() && random() % 20 == 0) {
      arrive(late.back());
      late.pop_back();
    }
    if (log.due() <= now) build_all(log, now, told);
  }
  for (const std::uint16_t n : late) lost.insert(n);
  build_all(log, now, told);

  REQUIRE(told.received.size() == came.size());
  for (const auto& [n, ticks] : came) REQUIRE(told.received[n] == (ticks & 0xffffffff));
  for (const std::uint16_t n : lost) {
    // The last ones are not known to be missing yet.
    if (static_cast<std::uint16_t>(number - n) > 600) {
      REQUIRE(std::find(told.missing.begin(), told.missing.end(), n) != told.missing.end());
    }
  }
  for (std::size_t i = 1; i < told.counts.size(); ++i) {
    REQUIRE(told.counts[i] == static_cast<std::uint8_t>(told.counts[i - 1] + 1));
  }
}

TEST_CASE("a duplicate changes nothing, a pause of a minute begins a packet of its own") {
  ArrivalLog log;
  Told told;
  log.on_packet(5, kNow);
  log.on_packet(5, kNow + milliseconds(1));
  log.on_packet(6, kNow + seconds(60));

  build_all(log, kNow + seconds(60), told);

  CHECK(told.received.size() == 2);
  CHECK(told.received[6] - told.received[5] == 60 * 4000);
  CHECK(told.counts.size() == 2);
}
