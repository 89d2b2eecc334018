// One core of a program: an event loop with its own timer wheel and buffers, run by one thread. Nothing in it
// is shared; other threads reach it by post() only. Owned by the Runtime.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/clock.hpp"
#include "base/net/buffer_pool.hpp"
#include "base/timer_wheel.hpp"

namespace roomgate::net {

class Core {
 public:
  explicit Core(std::size_t index);
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  std::size_t index() const { return index_; }
  boost::asio::io_context& context() { return context_; }
  BufferPool& buffers() { return buffers_; }

  // Core's thread only.
  void schedule(TimerWheel::Timer& timer, TimePoint deadline);

  // Runs until stop(). The caller's thread becomes the core's.
  void run();
  // Any thread.
  void stop() { context_.stop(); }

 private:
  void arm(TimePoint at);

  std::size_t index_;
  // Before the context: its destruction ends coroutines that still hold timers and buffers.
  BufferPool buffers_;
  TimerWheel wheel_;
  boost::asio::io_context context_;
  boost::asio::steady_timer alarm_;
  TimePoint armed_ = TimePoint::max();
};

}  // namespace roomgate::net
