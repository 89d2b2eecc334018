#include "base/net/core.hpp"

#include <boost/asio/executor_work_guard.hpp>

namespace roomgate::net {

Core::Core(std::size_t index) : index_(index), wheel_(Clock::now()), context_(1), alarm_(context_) {}

void Core::schedule(TimerWheel::Timer& timer, TimePoint deadline) {
  wheel_.schedule(timer, deadline);
  const auto next = wheel_.next();
  // An alarm that is set too early only finds nothing to do; setting it anew for each deadline would cost far
  // more.
  if (next && *next < armed_) arm(*next);
}

void Core::arm(TimePoint at) {
  armed_ = at;
  alarm_.expires_at(at);
  alarm_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;  // armed anew
    armed_ = TimePoint::max();
    wheel_.advance(Clock::now());
    const auto next = wheel_.next();
    if (next && *next < armed_) arm(*next);
  });
}

void Core::run() {
  const auto guard = boost::asio::make_work_guard(context_);
  context_.run();
}

}  // namespace roomgate::net
