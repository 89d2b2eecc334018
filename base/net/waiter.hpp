// One coroutine's wait with a deadline, for something that a channel or an event will say. Owned by what is
// waited for; its core's thread.
#pragma once

#include "base/net/core.hpp"
#include "base/net/io_error.hpp"

namespace roomgate::net {

class Waiter {
 public:
  explicit Waiter(Core& core) : core_(core), timer_(*this) {}

  bool waiting() const { return wakeup_.armed(); }

  // co_await waiter.wait(deadline): what it was woken with, or `timed_out`.
  struct Awaiter {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      waiter.wakeup_.arm(coroutine);
      if (deadline != TimePoint::max()) waiter.core_.schedule(waiter.timer_, deadline);
    }
    IoStatus await_resume() const { return waiter.result_; }
    Waiter& waiter;
    TimePoint deadline;
  };
  Awaiter wait(TimePoint deadline) { return {*this, deadline}; }
  IoStatus result() const { return result_; }

  // From the top of the loop: the coroutine runs now.
  void wake_now() {
    if (!waiting()) return;
    settle({});
    wakeup_.fire_now();
  }
  // From anywhere: it runs at the end of the turn. The first word counts.
  void wake(IoStatus result) {
    if (!waiting() || wakeup_.is_linked()) return;
    settle(result);
    wakeup_.fire(core_);
  }

 private:
  struct Alarm final : TimerWheel::Timer {
    explicit Alarm(Waiter& owner) : waiter(owner) {}
    void on_expire() override { waiter.wake(fail(IoError::timed_out)); }
    Waiter& waiter;
  };
  void settle(IoStatus result) {
    if (!wakeup_.is_linked()) result_ = result;
    timer_.cancel();
  }

  Core& core_;
  Wakeup wakeup_;
  Alarm timer_;
  IoStatus result_;
};

}  // namespace roomgate::net
