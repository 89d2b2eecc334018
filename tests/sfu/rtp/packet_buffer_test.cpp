#include "sfu/rtp/packet_buffer.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

TEST_CASE("the pool hands out as many packets as its limit, and again what comes back") {
  PacketPool pool({.max_packets = 3, .slab_packets = 2});

  std::vector<PacketHandle> held;
  for (int i = 0; i < 3; ++i) held.push_back(pool.take());

  CHECK(held[2] != nullptr);
  CHECK(pool.take() == nullptr);
  CHECK(pool.refused() == 1);
  CHECK(pool.in_use() == 3);
  held.pop_back();
  CHECK(pool.in_use() == 2);
  CHECK(pool.take() != nullptr);
}

TEST_CASE("a packet handed out again starts empty and at its usual place") {
  PacketPool pool({.max_packets = 1, .slab_packets = 1});
  PacketHandle first = pool.take();
  CHECK(first->assign(as_bytes("hello")));
  CHECK(first->shrink_front(3));
  first.reset();

  const PacketHandle second = pool.take();

  CHECK(second->size() == 0);
  CHECK(second->space().size() == PacketBuffer::kCapacity + PacketBuffer::kTailroom);
}

TEST_CASE("a buffer grows and shrinks within its block and not beyond") {
  PacketPool pool;
  PacketHandle packet = pool.take();
  REQUIRE(packet->receive_space().size() == PacketBuffer::kCapacity);
  REQUIRE(packet->set_size(PacketBuffer::kCapacity));

  CHECK(packet->set_size(PacketBuffer::kCapacity + PacketBuffer::kTailroom));
  CHECK_FALSE(packet->set_size(PacketBuffer::kCapacity + PacketBuffer::kTailroom + 1));
  CHECK(packet->grow_front(PacketBuffer::kHeadroom));
  CHECK_FALSE(packet->grow_front(1));
  CHECK(packet->shrink_front(packet->size()));
  CHECK_FALSE(packet->shrink_front(1));
}

TEST_CASE("refuses a datagram longer than its class") {
  PacketPool pool;
  PacketHandle packet = pool.take();
  const std::vector<std::uint8_t> jumbo(PacketBuffer::kCapacity + 1);

  CHECK_FALSE(packet->assign(jumbo));
  CHECK(packet->assign(ByteView(jumbo).first(PacketBuffer::kCapacity)));
}
