#include "base/net/buffer_pool.hpp"

#include <utility>

#include "base/sanitizer.hpp"

namespace roomgate::net {

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      data_(std::move(other.data_)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = std::exchange(other.pool_, nullptr);
  data_ = std::move(other.data_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Buffer::release() {
  if (data_ == nullptr) return;
  pool_->give_back(std::move(data_), std::exchange(size_, 0));
}

Buffer BufferPool::take(Size size) {
  auto& free = free_[size == Size::small ? 0 : 1];
  const std::size_t bytes = size == Size::small ? kSmall : kLarge;
  ++borrowed_;
  if (free.empty()) {
    // Not cleared: what is read from it was written before.
    return {*this, std::make_unique_for_overwrite<std::uint8_t[]>(bytes), bytes};
  }
  Buffer buffer(*this, std::move(free.back()), bytes);
  free.pop_back();
  return buffer;
}

void BufferPool::give_back(std::unique_ptr<std::uint8_t[]> data, std::size_t size) {
  --borrowed_;
  auto& free = free_[size == kSmall ? 0 : 1];
  if (kMemoryIsWatched) return;
  if ((free.size() + 1) * size <= limits_.kept_bytes) free.push_back(std::move(data));
}

}  // namespace roomgate::net
