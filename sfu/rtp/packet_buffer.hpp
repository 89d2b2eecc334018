// One datagram in a fixed block: headroom to grow at the front, tailroom for the SRTP tag. Blocks come from
// the worker's own PacketPool and go back to it when their handle dies, so nothing is allocated per packet.
// Pool, handles and buffers belong to one worker thread; the pool outlives its handles.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"

namespace roomgate::sfu::rtp {

class PacketPool;

class PacketBuffer {
 public:
  static constexpr std::size_t kHeadroom = 64;
  static constexpr std::size_t kCapacity = 1500;  // the Ethernet class; longer datagrams are not media
  static constexpr std::size_t kTailroom = 64;

  // Where recvmmsg writes: always kCapacity bytes. Say how many came with set_size.
  ByteSpan receive_space() {
    begin_ = kHeadroom;
    size_ = 0;
    return {storage_.data() + kHeadroom, kCapacity};
  }

  ByteSpan bytes() { return {storage_.data() + begin_, size_}; }
  ByteView bytes() const { return {storage_.data() + begin_, size_}; }
  std::size_t size() const { return size_; }

  // All the space from the first byte to the block's end, for steps that append (an SRTP tag).
  ByteSpan space() { return {storage_.data() + begin_, storage_.size() - begin_}; }

  // False, and no change, when the block has not that much room.
  bool set_size(std::size_t size);
  bool grow_front(std::size_t count);
  bool shrink_front(std::size_t count);
  // Copies a datagram in, at the usual place; false when it is too long.
  bool assign(ByteView datagram);

  TimePoint received_at{};

 private:
  friend class PacketPool;
  friend struct PacketRelease;

  std::array<std::uint8_t, kHeadroom + kCapacity + kTailroom> storage_;
  std::uint16_t begin_ = kHeadroom;
  std::uint16_t size_ = 0;
  PacketPool* owner_ = nullptr;
};

struct PacketRelease {
  void operator()(PacketBuffer* buffer) const noexcept;
};

// The only way to own a packet: passed on by move, empty when the pool had none.
using PacketHandle = std::unique_ptr<PacketBuffer, PacketRelease>;

class PacketPool {
 public:
  struct Limits {
    std::size_t max_packets = 32768;  // 54 MB: one second of history of some hundred sources
    std::size_t slab_packets = 64;    // allocated at once, kept until the pool dies
  };

  explicit PacketPool(Limits limits);
  PacketPool() : PacketPool(Limits{}) {}
  PacketPool(const PacketPool&) = delete;
  PacketPool& operator=(const PacketPool&) = delete;

  // Empty when max_packets are out; counted in refused().
  PacketHandle take();

  std::size_t in_use() const { return in_use_; }
  std::uint64_t refused() const { return refused_; }

 private:
  friend struct PacketRelease;
  void give_back(PacketBuffer* buffer) noexcept;

  Limits limits_;
  std::vector<std::unique_ptr<PacketBuffer[]>> slabs_;
  std::vector<PacketBuffer*> free_;
  std::size_t allocated_ = 0;
  std::size_t in_use_ = 0;
  std::uint64_t refused_ = 0;
};

}  // namespace roomgate::sfu::rtp
