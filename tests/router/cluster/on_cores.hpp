// A coroutine on one of a program's cores, with the others running beside it.
#pragma once

#include <doctest/doctest.h>

#include <functional>

#include "base/net/runtime.hpp"

namespace roomgate::tests {

enum class On { data, control };

inline void run_on(On which, net::Runtime& runtime, const std::function<net::Task<void>(net::Core&)>& body) {
  bool done = false;
  net::Core& core = which == On::data ? runtime.core(0) : runtime.control();
  const auto whole = [](net::Core& on, net::Runtime& of,
                        const std::function<net::Task<void>(net::Core&)>& work,
                        bool& ended) -> net::Task<void> {
    co_await work(on);
    ended = true;
    of.stop();
  };
  core.post([&] { core.spawn(whole(core, runtime, body, done)); });
  runtime.run();
  CHECK(done);
}

}  // namespace roomgate::tests
