// Deadlines by the hundred thousand: scheduling and cancelling link and unlink a node, nothing else.
// Sans-I/O: it is told the time. Four levels of 64 slots, 4 ms a tick: 18 hours ahead, further ones are
// re-sorted on the way. Belongs to one thread. A Timer is owned by whoever waits; its destructor cancels it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace roomgate {

class TimerWheel {
 public:
  static constexpr Duration kTick = milliseconds(4);

  // A node of the wheel: derive, and say what happens.
  class Timer {
   public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() { cancel(); }

    void cancel();
    bool scheduled() const { return next_ != nullptr; }

   protected:
    // Called once, after the timer has left the wheel: it may schedule or destroy itself and others.
    virtual void on_expire() = 0;

   private:
    friend class TimerWheel;
    Timer* previous_ = nullptr;
    Timer* next_ = nullptr;
    TimerWheel* wheel_ = nullptr;
    std::uint64_t expiry_ = 0;  // in ticks
    std::uint8_t level_ = 0;
    std::uint8_t slot_ = 0;
  };

  explicit TimerWheel(TimePoint start);
  ~TimerWheel();
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Never fires early, and at most one tick late as far as the wheel is concerned. Re-scheduling moves the
  // timer.
  void schedule(Timer& timer, TimePoint deadline);
  // Fires what is due. Not re-entrant.
  void advance(TimePoint now);
  // When advance() has something to do next, at the earliest; nullopt: nothing is scheduled.
  std::optional<TimePoint> next() const;
  std::size_t size() const { return size_; }

 private:
  static constexpr int kBits = 6;
  static constexpr std::size_t kSlots = 1U << kBits;
  static constexpr std::size_t kLevels = 4;
  static constexpr std::uint8_t kDetached = 0xff;  // in advance()'s own list

  // Circular list; the head is no timer.
  struct Head final : Timer {
    Head();
    ~Head() override { next_links_reset(); }
    void on_expire() override {}
    void next_links_reset();
  };
  struct Due {
    std::size_t level;
    std::size_t slot;
    std::uint64_t tick;
  };

  std::optional<Due> next_due() const;
  void insert(Timer& timer);
  static void link(Timer& head, Timer& timer);
  void unlink(Timer& timer);

  TimePoint start_;
  std::uint64_t elapsed_ = 0;
  std::size_t size_ = 0;
  std::array<std::uint64_t, kLevels> occupied_{};
  std::array<std::array<Head, kSlots>, kLevels> slots_;
};

}  // namespace roomgate
