#include "sfu/rtp/packet_buffer.hpp"

#include <algorithm>

namespace roomgate::sfu::rtp {

bool PacketBuffer::set_size(std::size_t size) {
  if (size > storage_.size() - begin_) return false;
  size_ = static_cast<std::uint16_t>(size);
  return true;
}

bool PacketBuffer::grow_front(std::size_t count) {
  if (count > begin_) return false;
  begin_ = static_cast<std::uint16_t>(begin_ - count);
  size_ = static_cast<std::uint16_t>(size_ + count);
  return true;
}

bool PacketBuffer::shrink_front(std::size_t count) {
  if (count > size_) return false;
  begin_ = static_cast<std::uint16_t>(begin_ + count);
  size_ = static_cast<std::uint16_t>(size_ - count);
  return true;
}

bool PacketBuffer::assign(ByteView datagram) {
  if (datagram.size() > kCapacity) return false;
  const ByteSpan place = receive_space();
  if (!datagram.empty()) std::memcpy(place.data(), datagram.data(), datagram.size());
  size_ = static_cast<std::uint16_t>(datagram.size());
  return true;
}

void PacketRelease::operator()(PacketBuffer* buffer) const noexcept { buffer->owner_->give_back(buffer); }

PacketPool::PacketPool(Limits limits) : limits_(limits) {
  limits_.slab_packets = std::max<std::size_t>(limits_.slab_packets, 1);
  // Room for every pointer from the start, so that giving back can not fail.
  free_.reserve(limits_.max_packets);
}

PacketHandle PacketPool::take() {
  if (free_.empty()) {
    const std::size_t more = std::min(limits_.slab_packets, limits_.max_packets - allocated_);
    if (more == 0) {
      ++refused_;
      return {};
    }
    slabs_.push_back(std::make_unique_for_overwrite<PacketBuffer[]>(more));
    for (std::size_t i = more; i > 0; --i) free_.push_back(&slabs_.back()[i - 1]);
    allocated_ += more;
  }
  PacketBuffer* buffer = free_.back();
  free_.pop_back();
  buffer->owner_ = this;
  buffer->begin_ = PacketBuffer::kHeadroom;
  buffer->size_ = 0;
  ++in_use_;
  return PacketHandle(buffer);
}

void PacketPool::give_back(PacketBuffer* buffer) noexcept {
  free_.push_back(buffer);
  --in_use_;
}

}  // namespace roomgate::sfu::rtp
