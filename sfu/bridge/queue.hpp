// How threads of the bridge talk: bounded queues with one producer and one consumer, and an eventfd that
// wakes the consumer once per batch. A full queue refuses and counts; nobody ever waits. The producer calls
// push() and flush(), the consumer drain(); dropped() is for any thread.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "sfu/transport/spsc_ring.hpp"

namespace roomgate::sfu::bridge {

// An eventfd: signal() from any thread; the consumer waits for fd() to be readable and calls clear() before
// it reads what was announced.
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

// Wakes `consumer`, which several queues may share.
template <class T>
class Queue {
 public:
  Queue(std::size_t capacity, Wakeup& consumer) : ring_(capacity), consumer_(consumer) {}

  // False and counted when full; the item is then untouched.
  bool push(T&& item) {
    if (!ring_.push(std::move(item))) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
    unannounced_ = true;
    return true;
  }
  void flush() {
    if (std::exchange(unannounced_, false)) consumer_.signal();
  }

  // At most `limit` items; what is left then announces itself again. Returns how many.
  template <class F>
  std::size_t drain(std::size_t limit, F&& each) {
    std::size_t count = 0;
    T item{};
    while (count < limit && ring_.pop(item)) {
      ++count;
      each(std::move(item));
    }
    if (count == limit) consumer_.signal();
    return count;
  }

  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  transport::SpscRing<T> ring_;
  Wakeup& consumer_;
  bool unannounced_ = false;
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace roomgate::sfu::bridge
