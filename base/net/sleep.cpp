#include "base/net/sleep.hpp"

namespace roomgate::net {

Task<void> sleep_for(Core& core, Duration time) {
  Waiter waiter(core);
  (void)co_await waiter.wait(core.now() + time);
}

Task<void> yield(Core& core) {
  struct Pass {
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> coroutine) {
      waiter.resume(coroutine, TimePoint::max());
      waiter.wake({});
    }
    void await_resume() const {}
    Waiter& waiter;
  };
  Waiter waiter(core);
  co_await Pass{waiter};
}

void Event::set() {
  set_ = true;
  for (Sleeper& sleeper : sleepers_) sleeper.waiter.wake({});
}

Task<bool> Event::wait(TimePoint deadline) {
  if (set_) co_return true;
  Sleeper sleeper(core_);
  sleepers_.push_back(sleeper);
  (void)co_await sleeper.waiter.wait(deadline);
  co_return set_;
}

}  // namespace roomgate::net
