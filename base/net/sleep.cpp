#include "base/net/sleep.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace roomgate::net {
namespace {

struct Wake final : TimerWheel::Timer {
  explicit Wake(boost::asio::steady_timer& timer) : gate(timer) {}
  void on_expire() override { gate.cancel(); }
  boost::asio::steady_timer& gate;
};

}  // namespace

Task<void> sleep_for(Core& core, Duration time) {
  boost::asio::steady_timer timer(core.context(), time);
  co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

Event::Event(Core& core) : core_(core), gate_(core.context(), TimePoint::max()) {}

void Event::set() {
  set_ = true;
  gate_.cancel();
}

Task<bool> Event::wait(TimePoint deadline) {
  Wake wake(gate_);
  if (deadline != TimePoint::max()) core_.schedule(wake, deadline);
  while (!set_ && Clock::now() < deadline) {
    // Another waiter's deadline wakes us as well: look again.
    co_await gate_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
  co_return set_;
}

}  // namespace roomgate::net
