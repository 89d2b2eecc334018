#include "sfu/transport/srtp_index.hpp"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace roomgate::sfu::transport;

namespace {
ReplayWindow window_at(std::uint64_t highest) {
  ReplayWindow window;
  window.commit(highest);
  return window;
}
}  // namespace

TEST_CASE("remembers exactly the last 128 indices") {
  ReplayWindow window;
  for (std::uint64_t index = 1000; index < 1200; ++index) {
    CHECK(window.check(index).ok());
    window.commit(index);
  }

  CHECK(window.check(1199).error() == SrtpError::replayed);
  CHECK(window.check(1072).error() == SrtpError::replayed);
  CHECK(window.check(1071).error() == SrtpError::old);
  CHECK(window.check(1200).ok());
}

TEST_CASE("agrees with a plain set of what was seen") {
  const std::uint32_t seed = std::random_device{}();
  MESSAGE("seed " << seed);
  std::mt19937 random(seed);
  ReplayWindow window;
  std::set<std::uint64_t> seen;
  std::uint64_t highest = 1'000'000;
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t index = random() % 20 == 0 ? highest + random() % 300 : highest + 3 - random() % 140;

    const auto verdict = window.check(index);

    if (!seen.empty() && index + 128 <= highest) {
      REQUIRE(verdict.error() == SrtpError::old);
    } else if (seen.contains(index)) {
      REQUIRE(verdict.error() == SrtpError::replayed);
    } else {
      REQUIRE(verdict.ok());
      window.commit(index);
      seen.insert(index);
      if (seen.size() == 1 || index > highest) highest = index;
    }
  }
}

TEST_CASE("finds the index of a sequence number on both sides of a wrap") {
  struct Row {
    std::uint64_t highest;
    std::uint16_t sequence;
    std::uint64_t index;
  };
  const Row rows[] = {
      {0x00000'0005, 6, 6},
      {0x00000'fffe, 0xffff, 0xffff},
      {0x00000'fffe, 3, 0x10003},
      {0x00001'0003, 0xfffe, 0x0fffe},  // late, of the turn before
      {0x00001'0003, 4, 0x10004},
      {0x00001'7fff, 0xffff, 0x1ffff},  // exactly half a turn ahead counts as ahead
      {0x00001'7ffe, 0xffff, 0x0ffff},  // more than half: it is behind
      {0x00001'8000, 0, 0x10000},       // exactly half a turn behind counts as behind
      {0x00001'8001, 0, 0x20000},       // more than half: it is ahead
      {0x00000'0003, 0xfffe, 0xfffe},   // there is no turn before the first
  };
  for (const Row& row : rows) {
    CAPTURE(row.highest);
    CAPTURE(row.sequence);
    CHECK(rtp_index_of(window_at(row.highest), row.sequence).value() == row.index);
  }
  CHECK(rtp_index_of(ReplayWindow{}, 0xfff0).value() == 0xfff0);
}

TEST_CASE("ends with index 2^48 - 1") {
  const ReplayWindow window = window_at(kMaxRtpIndex - 1);

  CHECK(rtp_index_of(window, 0xffff).value() == kMaxRtpIndex);
  CHECK(rtp_index_of(window_at(kMaxRtpIndex), 0).error() == SrtpError::index_exhausted);
  CHECK(rtp_index_of(window, 5).error() == SrtpError::index_exhausted);
}
