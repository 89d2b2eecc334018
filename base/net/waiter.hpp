// One wait with a deadline for something that a channel or an event will say, by a coroutine or by an object
// that keeps no frame (Ready: thousands of quiet tunnels). Owned by what is waited for; its core's thread.
#pragma once

#include "base/net/core.hpp"
#include "base/net/io_error.hpp"

namespace roomgate::net {

// Called once for each Waiter::call(), never from inside of it.
class Ready {
 public:
  virtual void on_ready(IoStatus result) = 0;

 protected:
  ~Ready() = default;
};

class Waiter final : private Turn, private TimerWheel::Timer {
 public:
  explicit Waiter(Core& core) : core_(core) {}

  bool waiting() const { return coroutine_ != nullptr || ready_ != nullptr; }

  // co_await waiter.wait(deadline): what it was woken with, or `timed_out`.
  struct Awaiter {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) { waiter.resume(coroutine, deadline); }
    IoStatus await_resume() const { return waiter.result_; }
    Waiter& waiter;
    TimePoint deadline;
  };
  Awaiter wait(TimePoint deadline) { return {*this, deadline}; }
  void resume(std::coroutine_handle<> coroutine, TimePoint deadline) {
    coroutine_ = coroutine;
    arm(deadline);
  }
  void call(Ready& ready, TimePoint deadline) {
    ready_ = &ready;
    arm(deadline);
  }
  IoStatus result() const { return result_; }

  // From the top of the loop, where nothing is in the middle of anything: whoever waits runs now.
  void wake_now() {
    if (!waiting()) return;
    if (Turn::is_linked()) {
      unlink();
    } else {
      settle({});
    }
    on_turn();
  }
  // From anywhere, even from whoever waits: it runs at the end of the turn. The first word counts.
  void wake(IoStatus result) {
    if (!waiting() || Turn::is_linked()) return;
    settle(result);
    core_.soon(*this);
  }

 private:
  void arm(TimePoint deadline) {
    if (deadline != TimePoint::max()) core_.schedule(*this, deadline);
  }
  void settle(IoStatus result) {
    result_ = result;
    Timer::cancel();
  }
  void on_expire() override { wake(fail(IoError::timed_out)); }
  void on_turn() override {
    if (ready_ != nullptr) {
      std::exchange(ready_, nullptr)->on_ready(result_);
    } else {
      std::exchange(coroutine_, nullptr).resume();
    }
  }

  Core& core_;
  std::coroutine_handle<> coroutine_;
  Ready* ready_ = nullptr;
  IoStatus result_;
};

}  // namespace roomgate::net
