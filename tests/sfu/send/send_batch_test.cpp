#include "sfu/send/send_batch.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::send;

namespace {

using Bytes = std::vector<std::uint8_t>;

bool put(SendBatch& batch, SendBatch::Lane& lane, std::uint32_t destination, const Bytes& datagram,
         std::size_t spare = 16) {
  const ByteSpan room = batch.reserve(lane, destination, datagram.size() + spare);
  if (room.empty()) return false;
  std::copy(datagram.begin(), datagram.end(), room.begin());
  batch.commit(datagram.size());
  return true;
}

// What a receiver gets when the kernel cuts a message into segments.
std::map<std::uint32_t, std::vector<Bytes>> delivered(const SendBatch& batch) {
  std::map<std::uint32_t, std::vector<Bytes>> out;
  batch.for_each_message([&](const SendBatch::Message& message) {
    std::size_t segments = 0;
    for (std::size_t at = 0; at < message.bytes.size(); at += message.segment_size) {
      const ByteView piece =
          message.bytes.subspan(at, std::min(message.segment_size, message.bytes.size() - at));
      out[message.destination].emplace_back(piece.begin(), piece.end());
      ++segments;
    }
    REQUIRE(segments == message.segments);
  });
  return out;
}

std::vector<std::size_t> segments(const SendBatch& batch) {
  std::vector<std::size_t> out;
  batch.for_each_message([&](const SendBatch::Message& message) { out.push_back(message.segments); });
  return out;
}

}  // namespace

TEST_CASE("equal sizes leave as one message, and a shorter one may end it") {
  SendBatch batch;
  SendBatch::Lane lane;
  for (const std::size_t size : {1200, 1200, 1200, 700, 1200, 1200, 1300, 90, 80}) {
    REQUIRE(put(batch, lane, 1, Bytes(size, static_cast<std::uint8_t>(size))));
  }
  CHECK(segments(batch) == std::vector<std::size_t>{4, 2, 2, 1});
}

TEST_CASE("a message has no more segments than allowed") {
  SendBatch batch({.max_destinations = 1, .lane_bytes = 24 * 1024, .max_datagrams = 32, .max_segments = 16});
  SendBatch::Lane lane;
  for (int i = 0; i < 20; ++i) REQUIRE(put(batch, lane, 1, Bytes(100, 1)));
  CHECK(segments(batch) == std::vector<std::size_t>{16, 4});
}

TEST_CASE("interleaved destinations are gathered, each in its order") {
  SendBatch batch;
  std::mt19937 random(2);
  std::map<std::uint32_t, std::vector<Bytes>> sent;
  std::map<std::uint32_t, SendBatch::Lane> lanes;
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 400; ++i) {
      const auto destination = static_cast<std::uint32_t>(random() % 60);
      Bytes datagram(random() % 3 == 0 ? 1 + random() % 1400 : 1200);
      for (std::uint8_t& byte : datagram) byte = static_cast<std::uint8_t>(random());
      if (put(batch, lanes[destination], destination, datagram)) sent[destination].push_back(datagram);
    }
    REQUIRE(delivered(batch) == sent);
    batch.clear();
    REQUIRE(batch.empty());
    REQUIRE(delivered(batch).empty());
    sent.clear();
  }
}

TEST_CASE("every bound refuses, and clearing makes room") {
  SendBatch batch({.max_destinations = 2, .lane_bytes = 1000, .max_datagrams = 3, .max_segments = 16});
  SendBatch::Lane a, b, c;
  CHECK(put(batch, a, 1, Bytes(400), 0));
  CHECK(put(batch, a, 1, Bytes(400), 0));
  CHECK_FALSE(put(batch, a, 1, Bytes(400), 0));
  CHECK(put(batch, a, 1, Bytes(100), 0));
  CHECK_FALSE(put(batch, a, 1, Bytes(1), 0));
  CHECK_FALSE(put(batch, b, 2, Bytes(1001), 0));
  CHECK_FALSE(batch.lanes_full());
  CHECK(put(batch, b, 2, Bytes(1000), 0));
  CHECK(batch.lanes_full());
  CHECK_FALSE(put(batch, c, 3, Bytes(1), 0));
  CHECK(batch.datagrams() == 4);

  batch.clear();

  CHECK(put(batch, c, 3, Bytes(1), 0));
  CHECK(put(batch, a, 1, Bytes(1), 0));
}

TEST_CASE("what is not committed is not sent") {
  SendBatch batch;
  SendBatch::Lane lane;
  REQUIRE_FALSE(batch.reserve(lane, 1, 100).empty());
  REQUIRE(put(batch, lane, 1, Bytes(50, 7)));
  REQUIRE_FALSE(batch.reserve(lane, 1, 100).empty());
  batch.commit(0);
  batch.commit(101);
  CHECK(delivered(batch)[1] == std::vector<Bytes>{Bytes(50, 7)});
  CHECK(batch.reserve(lane, 1, 0).empty());
}
