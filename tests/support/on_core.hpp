// A coroutine on a core of its own, run to its end: what a test of anything that waits begins with.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "base/net/core.hpp"

namespace roomgate::tests {

inline void run(const std::function<net::Task<void>(net::Core&)>& body) {
  net::Core core(0);
  bool done = false;
  const auto whole = [](net::Core& on, const std::function<net::Task<void>(net::Core&)>& work,
                        bool& ended) -> net::Task<void> {
    co_await work(on);
    ended = true;
    on.stop();
  };
  core.post([&] { core.spawn(whole(core, body, done)); });
  core.run();
  CHECK(done);
}

}  // namespace roomgate::tests
