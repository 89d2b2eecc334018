// Byte buffers in two sizes, kept per core: an idle connection holds none, a busy one borrows one per
// direction while bytes are in it. Belongs to one core's thread; every Buffer goes back on the thread it was
// taken on.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/bytes.hpp"

namespace roomgate::net {

class BufferPool;

// A borrowed buffer; empty once moved from or released.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { release(); }

  ByteSpan span() { return {data_.get(), size_}; }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return data_ != nullptr; }
  void release();

 private:
  friend class BufferPool;
  Buffer(BufferPool& pool, std::unique_ptr<std::uint8_t[]> data, std::size_t size)
      : pool_(&pool), data_(std::move(data)), size_(size) {}

  BufferPool* pool_ = nullptr;
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_ = 0;
};

class BufferPool {
 public:
  // small: a whole request head fits; large: bulk data, where fewer system calls pay.
  enum class Size { small, large };
  static constexpr std::size_t kSmall = 16 * 1024;
  static constexpr std::size_t kLarge = 64 * 1024;

  struct Limits {
    std::size_t kept_bytes = 8 * 1024 * 1024;  // per size; further buffers go back to the allocator
  };

  BufferPool() = default;
  explicit BufferPool(Limits limits) : limits_(limits) {}

  Buffer take(Size size);
  std::size_t borrowed() const { return borrowed_; }

 private:
  friend class Buffer;
  void give_back(std::unique_ptr<std::uint8_t[]> data, std::size_t size);

  Limits limits_;
  std::size_t borrowed_ = 0;
  std::array<std::vector<std::unique_ptr<std::uint8_t[]>>, 2> free_;
};

}  // namespace roomgate::net
