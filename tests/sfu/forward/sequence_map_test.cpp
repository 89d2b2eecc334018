#include "sfu/forward/sequence_map.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace roomgate::sfu::forward;
using Outcome = SequenceMap::Outcome;

namespace {

std::optional<std::uint16_t> out(SequenceMap& map, std::uint16_t in, std::size_t stream = 0) {
  const auto mapped = map.forward(stream, in);
  if (mapped.outcome == Outcome::dropped) return std::nullopt;
  return mapped.sequence;
}

}  // namespace

TEST_CASE("maps nothing before it begins, then keeps numbers and losses as they are") {
  SequenceMap map;
  CHECK_FALSE(out(map, 5));
  CHECK_FALSE(map.last());
  map.begin(0, 65534);
  CHECK(out(map, 65534) == 65534);
  CHECK(out(map, 65535) == 65535);
  CHECK(out(map, 2) == 2);
  CHECK(out(map, 0) == 0);
  CHECK(map.last() == 2);
}

TEST_CASE("gives no number twice") {
  SequenceMap map;
  map.begin(0, 10);
  CHECK(out(map, 10));
  CHECK_FALSE(out(map, 10));
  CHECK(out(map, 12));
  CHECK(out(map, 11));
  CHECK_FALSE(out(map, 11));
}

TEST_CASE("closes the gap of what is left out, but not of what is lost") {
  SequenceMap map;
  map.begin(0, 10);
  CHECK(out(map, 10) == 10);
  CHECK(map.leave_out(0, 11));
  CHECK(map.leave_out(0, 12));
  CHECK(out(map, 13) == 11);
  // 14 is lost for now, 15 left out, 16 goes.
  CHECK(map.leave_out(0, 15));
  CHECK(out(map, 16) == 13);
  CHECK(out(map, 14) == 12);
  // Left out once is left out for good; what has a place can not be left out.
  CHECK_FALSE(out(map, 15));
  CHECK_FALSE(out(map, 12));
  CHECK_FALSE(map.leave_out(0, 14));
}

TEST_CASE("a switch goes on without a gap; late packets from before find their place, later ones do not") {
  SequenceMap map;
  map.begin(0, 100);
  out(map, 100);
  out(map, 102);
  const std::uint32_t epoch = map.begin(1, 5000);
  const auto first = map.forward(1, 5000);
  CHECK(first.sequence == 103);
  CHECK(first.epoch == epoch);
  CHECK(first.newest);

  const auto late = map.forward(0, 101);
  CHECK(late.outcome == Outcome::mapped);
  CHECK(late.sequence == 101);
  CHECK(late.epoch != epoch);
  CHECK_FALSE(late.newest);
  CHECK_FALSE(out(map, 103, 0));
  CHECK_FALSE(out(map, 4999, 1));
  CHECK(out(map, 5001, 1) == 104);
}

TEST_CASE("shard rule 11: finds the original of every outgoing number in its window") {
  SequenceMap map;
  map.begin(0, 100);
  out(map, 100);
  map.leave_out(0, 101);
  out(map, 103);
  map.begin(2, 9);
  out(map, 9, 2);

  const auto sent = map.origin(100);
  REQUIRE(sent);
  CHECK(sent->sequence == 100);
  const auto lost = map.origin(101);
  REQUIRE(lost);
  CHECK(lost->sequence == 102);
  CHECK(lost->stream == 0);
  const auto switched = map.origin(103);
  REQUIRE(switched);
  CHECK(switched->sequence == 9);
  CHECK(switched->stream == 2);
  CHECK_FALSE(map.origin(104));
  CHECK_FALSE(map.origin(99));
}

TEST_CASE("one wild number is dropped, two in a row are a restart that goes on in sequence") {
  SequenceMap map;
  map.begin(0, 100);
  out(map, 100);
  CHECK_FALSE(out(map, 40000));
  CHECK(out(map, 101) == 101);
  CHECK_FALSE(out(map, 40000));
  const auto restarted = map.forward(0, 40001);
  CHECK(restarted.outcome == Outcome::restarted);
  CHECK(restarted.sequence == 102);
  CHECK(out(map, 40002) == 103);
  CHECK_FALSE(out(map, 101));
  // Backwards as well.
  CHECK_FALSE(out(map, 30000));
  CHECK(map.forward(0, 30001).outcome == Outcome::restarted);
}

TEST_CASE("shard rule 10: a source that comes back goes on after its last number") {
  SequenceMap map;
  map.continue_after(65535);
  map.begin(0, 4242);
  CHECK(out(map, 4242) == 0);
  CHECK_FALSE(map.origin(65535));
}

TEST_CASE("more ranges than it holds: the oldest are forgotten, nothing else breaks") {
  SequenceMap map;
  map.begin(0, 0);
  std::uint16_t expected = 0;
  for (std::uint16_t i = 0; i < 1000; ++i) {
    if (i % 3 == 2) {
      map.leave_out(0, i);
    } else {
      REQUIRE(out(map, i) == expected++);
    }
  }
  CHECK_FALSE(map.origin(10));
  const auto recent = map.origin(static_cast<std::uint16_t>(expected - 1));
  REQUIRE(recent);
  CHECK(recent->sequence == 999);
}

TEST_CASE("streams out of range are dropped") {
  SequenceMap map;
  map.begin(0, 0);
  CHECK_FALSE(out(map, 0, kMaxLayers));
  CHECK_FALSE(map.leave_out(kMaxLayers, 0));
}

TEST_CASE("a long pause of one stream does not confuse its old numbers with new ones") {
  SequenceMap map;
  map.begin(0, 1000);
  out(map, 1000);
  // Two whole turns pass while stream 1 is forwarded, a little.
  map.begin(1, 1);
  out(map, 1, 1);
  map.begin(0, 990);
  CHECK(out(map, 990) == 1002);
  CHECK(out(map, 1000) == 1012);
}

TEST_CASE("random loss, reordering, leaving out and switches: consistent both ways, never a duplicate") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    SequenceMap map;
    std::size_t stream = 0;
    auto in = static_cast<std::uint16_t>(random());
    map.begin(stream, in);
    std::uint16_t newest = static_cast<std::uint16_t>(in - 1);
    std::int64_t sent = 0;
    std::set<std::int64_t> given;  // extended
    std::int64_t extended = 0x10000 + std::int64_t{newest};
    for (int i = 0; i < 4000; ++i) {
      if (random() % 400 == 0) {
        stream = random() % 3;
        in = static_cast<std::uint16_t>(random());
        map.begin(stream, in);
      }
      const auto kind = random() % 20;
      if (kind == 0) {
        ++in;  // lost
        continue;
      }
      if (kind == 1) {
        map.leave_out(stream, in++);
        continue;
      }
      const bool late = kind == 2;
      const auto number = late ? static_cast<std::uint16_t>(in - 1 - random() % 20) : in++;
      const auto mapped = map.forward(stream, number);
      if (mapped.outcome == Outcome::dropped) {
        REQUIRE(late);
        continue;
      }
      REQUIRE(mapped.outcome == Outcome::mapped);
      const std::int64_t out_number = roomgate::sfu::rtp::extend_sequence(extended, mapped.sequence);
      REQUIRE(given.insert(out_number).second);
      REQUIRE(mapped.newest == (out_number > extended));
      if (mapped.newest) {
        REQUIRE(out_number - extended <= 40);
        extended = out_number;
      }
      const auto origin = map.origin(mapped.sequence);
      REQUIRE(origin);
      REQUIRE(origin->sequence == number);
      REQUIRE(origin->stream == stream);
      REQUIRE(origin->epoch == mapped.epoch);
      ++sent;
    }
    CHECK(sent > 3000);
  }
}
