// How threads of the bridge talk: a bounded ring with one producer and one consumer, and an eventfd that
// wakes the consumer once per batch. A full ring refuses and counts; nobody ever waits. The producer calls
// push() and flush(), the consumer drain(); dropped() is for any thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <utility>

namespace roomgate::sfu::bridge {

// An eventfd: signal() from any thread, wait for fd() to be readable, then clear() before reading what was
// announced.
class Wakeup {
 public:
  Wakeup() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "eventfd");
  }
  ~Wakeup() { ::close(fd_); }
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  int fd() const { return fd_; }
  void signal() {
    const std::uint64_t one = 1;
    // Fails only when the counter is full, and then the consumer is being woken anyway.
    [[maybe_unused]] const auto written = ::write(fd_, &one, sizeof one);
  }
  void clear() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto taken = ::read(fd_, &count, sizeof count);
  }

 private:
  int fd_;
};

template <class T>
class Ring {
 public:
  // Holds up to `capacity` items, rounded up to a power of two.
  explicit Ring(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1),
        slots_(std::make_unique<T[]>(mask_ + 1)) {}

  // False and counted when full; the item is then untouched.
  bool push(T&& item) {
    const std::size_t tail = tail_.load(std::memory_order_relaxed);
    if (tail - head_seen_ > mask_) {
      head_seen_ = head_.load(std::memory_order_acquire);
      if (tail - head_seen_ > mask_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
    }
    slots_[tail & mask_] = std::move(item);
    tail_.store(tail + 1, std::memory_order_release);
    unannounced_ = true;
    return true;
  }

  // True once after pushes: the producer then signals its consumer, so that a batch costs one wake-up.
  bool take_announcement() { return std::exchange(unannounced_, false); }

  bool pop(T& item) {
    const std::size_t head = head_.load(std::memory_order_relaxed);
    if (head == tail_.load(std::memory_order_acquire)) return false;
    item = std::move(slots_[head & mask_]);
    slots_[head & mask_] = T();  // what an item holds is let go now, not when the slot is used again
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // Near enough, from any thread.
  std::size_t size() const {
    return tail_.load(std::memory_order_acquire) - head_.load(std::memory_order_acquire);
  }
  std::size_t capacity() const { return mask_ + 1; }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  const std::size_t mask_;
  std::unique_ptr<T[]> slots_;
  alignas(64) std::atomic<std::size_t> head_{0};
  alignas(64) std::atomic<std::size_t> tail_{0};
  std::size_t head_seen_ = 0;  // the producer's copy, so that it seldom touches the consumer's line
  bool unannounced_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

// A ring with a consumer of its own to wake. Where one consumer reads many rings, they share a Wakeup
// instead.
template <class T>
class Mailbox {
 public:
  explicit Mailbox(std::size_t capacity) : ring_(capacity) {}

  bool push(T&& item) { return ring_.push(std::move(item)); }
  void flush() {
    if (ring_.take_announcement()) wakeup_.signal();
  }

  // At most `limit` items; returns how many.
  template <class F>
  std::size_t drain(std::size_t limit, F&& each) {
    wakeup_.clear();
    std::size_t count = 0;
    T item{};
    while (count < limit && ring_.pop(item)) {
      ++count;
      each(std::move(item));
    }
    if (count == limit && ring_.size() > 0) wakeup_.signal();  // the rest at the next turn
    return count;
  }

  int fd() const { return wakeup_.fd(); }
  std::size_t size() const { return ring_.size(); }
  std::size_t capacity() const { return ring_.capacity(); }
  std::uint64_t dropped() const { return ring_.dropped(); }

 private:
  Ring<T> ring_;
  Wakeup wakeup_;
};

}  // namespace roomgate::sfu::bridge
