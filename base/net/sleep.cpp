#include "base/net/sleep.hpp"

namespace roomgate::net {

Task<void> sleep_for(Core& core, Duration time) {
  Waiter waiter(core);
  (void)co_await waiter.wait(core.now() + time);
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
