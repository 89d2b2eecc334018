// Waiting in a test for what other coroutines of the core, or other threads, bring about.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "base/net/sleep.hpp"

namespace roomgate::tests {

// Until it holds, looked at again and again. The deadline only ends a test that has failed.
inline net::Task<void> until(net::Core& core, std::function<bool()> holds, Duration deadline = seconds(20)) {
  const TimePoint end = Clock::now() + deadline;
  bool held = holds();
  while (!held && Clock::now() < end) {
    co_await net::sleep_for(core, milliseconds(1));
    held = holds();
  }
  CHECK(held);
}

}  // namespace roomgate::tests
