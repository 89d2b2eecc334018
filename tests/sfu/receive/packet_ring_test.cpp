#include "sfu/receive/packet_ring.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

using namespace roomgate;
using namespace roomgate::sfu::receive;
using namespace roomgate::sfu::rtp;

namespace {

const TimePoint kStart{seconds(100)};

void put(PacketRing& ring, PacketPool& pool, std::uint16_t sequence, TimePoint now) {
  PacketHandle packet = pool.take();
  REQUIRE(packet != nullptr);
  const std::uint8_t mark[] = {static_cast<std::uint8_t>(sequence >> 8), static_cast<std::uint8_t>(sequence)};
  packet->assign(mark);
  ring.insert(std::move(packet), sequence, now);
}

bool holds(const PacketRing& ring, std::uint16_t sequence, TimePoint now) {
  const PacketBuffer* packet = ring.find(sequence, now);
  return packet != nullptr && load16(packet->bytes().data()) == sequence;
}

}  // namespace

TEST_CASE("shard rule 11: finds what came within the last second, across the wrap") {
  PacketPool pool;
  PacketRing ring;
  for (std::uint16_t i = 65500; i != 100; ++i) put(ring, pool, i, kStart);

  CHECK(holds(ring, 65500, kStart));
  CHECK(holds(ring, 0, kStart + seconds(1)));
  CHECK_FALSE(ring.find(99, kStart + milliseconds(1001)));
  CHECK_FALSE(ring.find(100, kStart));
  CHECK_FALSE(ring.find(65499, kStart));
}

TEST_CASE("shard rule 11: gives packets back to the pool by age, count and bytes") {
  PacketPool pool;
  {
    PacketRing ring({.max_packets = 8, .max_bytes = 4 * sizeof(PacketBuffer), .max_age = seconds(1)});
    for (std::uint16_t i = 0; i < 20; ++i) put(ring, pool, i, kStart);
    CHECK(ring.packets() == 4);
    CHECK(pool.in_use() == 4);
    CHECK(holds(ring, 19, kStart));
    CHECK_FALSE(ring.find(15, kStart));

    ring.expire(kStart + milliseconds(1001));
    CHECK(ring.packets() == 0);
    CHECK(ring.bytes() == 0);
    CHECK(pool.in_use() == 0);
    put(ring, pool, 20, kStart + seconds(2));
  }
  CHECK(pool.in_use() == 0);
}

TEST_CASE("takes late packets, refuses duplicates and the far too late") {
  PacketPool pool;
  PacketRing ring({.max_packets = 16, .max_bytes = 1'000'000, .max_age = seconds(1)});
  put(ring, pool, 100, kStart);
  put(ring, pool, 103, kStart);
  put(ring, pool, 101, kStart);
  put(ring, pool, 101, kStart);
  put(ring, pool, 87, kStart);
  put(ring, pool, 90, kStart);

  CHECK(ring.packets() == 4);
  CHECK(holds(ring, 101, kStart));
  CHECK(holds(ring, 90, kStart));
  CHECK_FALSE(ring.find(87, kStart));
  CHECK(pool.in_use() == 4);
}

TEST_CASE("a jump ahead or a restart behind drops the old packets") {
  PacketPool pool;
  PacketRing ring({.max_packets = 16, .max_bytes = 1'000'000, .max_age = seconds(1)});
  put(ring, pool, 100, kStart);
  put(ring, pool, 5000, kStart);
  CHECK(ring.packets() == 1);
  CHECK(holds(ring, 5000, kStart));
  put(ring, pool, 1000, kStart);
  CHECK(ring.packets() == 1);
  CHECK(holds(ring, 1000, kStart));
}

TEST_CASE("random streams: holds nothing but what was put in, within its bounds") {
  std::mt19937 random(5);
  PacketPool pool;
  PacketRing ring({.max_packets = 64, .max_bytes = 40 * sizeof(PacketBuffer), .max_age = milliseconds(300)});
  std::map<std::uint16_t, TimePoint> put_at;
  std::uint16_t sequence = 65000;
  TimePoint now = kStart;
  for (int i = 0; i < 20000; ++i) {
    now += milliseconds(random() % 12);
    sequence = static_cast<std::uint16_t>(sequence + (random() % 20 == 0 ? random() % 40 : 1));
    const auto number = static_cast<std::uint16_t>(random() % 8 == 0 ? sequence - random() % 30 : sequence);
    if (!ring.find(number, now)) put_at[number] = now;
    put(ring, pool, number, now);

    REQUIRE(ring.packets() <= 40);
    REQUIRE(ring.packets() == pool.in_use());
    const auto probe = static_cast<std::uint16_t>(sequence - random() % 100);
    if (ring.find(probe, now)) {
      REQUIRE(holds(ring, probe, now));
      REQUIRE(now - put_at[probe] <= milliseconds(300));
    }
  }
}
