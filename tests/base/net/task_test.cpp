#include "base/net/task.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "base/net/sleep.hpp"

using namespace roomgate;
using namespace roomgate::net;

namespace {

Task<int> twice(int value) { co_return value * 2; }

// What a core does with one coroutine, and then ends.
void run(Core& core, Task<void> (*body)(Core&)) {
  core.post([&core, body] {
    core.spawn([](Core& on, Task<void> (*work)(Core&)) -> Task<void> {
      co_await work(on);
      on.stop();
    }(core, body));
  });
  core.run();
}

}  // namespace

TEST_CASE("a loop over coroutines that end at once needs no stack") {
  Core core(0);
  static long sum = 0;

  run(core, [](Core&) -> Task<void> {
    for (int i = 0; i < 1'000'000; ++i) sum += co_await twice(1);
  });

  CHECK(sum == 2'000'000);
}

TEST_CASE("what a callee throws arrives at its awaiter") {
  Core core(0);
  static bool caught = false;

  run(core, [](Core& on) -> Task<void> {
    const auto thrower = [](Core& c) -> Task<int> {
      co_await yield(c);
      throw std::runtime_error("late");
    };
    try {
      (void)co_await thrower(on);
    } catch (const std::runtime_error&) {
      caught = true;
    }
  });

  CHECK(caught);
}

TEST_CASE("a coroutine that still waits goes with its core, and all it holds") {
  const auto held = std::make_shared<int>(1);
  {
    Core core(0);
    core.spawn([](Core& on, std::shared_ptr<int> kept) -> Task<void> {
      Event never(on);
      (void)co_await never.wait(TimePoint::max());
      *kept = 2;
    }(core, held));
    CHECK(held.use_count() == 2);
  }

  CHECK(held.use_count() == 1);
  CHECK(*held == 1);
}

TEST_CASE("who yields lets the others of the turn run first") {
  Core core(0);
  static std::vector<int> order;

  run(core, [](Core& on) -> Task<void> {
    Event done(on);
    on.spawn([](Core& c, Event& end) -> Task<void> {
      order.push_back(1);
      co_await yield(c);
      order.push_back(3);
      end.set();
    }(on, done));
    order.push_back(2);
    (void)co_await done.wait(TimePoint::max());
  });

  CHECK(order == std::vector<int>{1, 2, 3});
}

TEST_CASE("a waiter calls its object once, with the first word that came") {
  Core core(0);
  struct Called final : Ready {
    void on_ready(IoStatus result) override {
      ++times;
      last = result;
    }
    int times = 0;
    IoStatus last;
  };
  static Called called;

  run(core, [](Core& on) -> Task<void> {
    Waiter waiter(on);
    waiter.call(called, TimePoint::max());
    waiter.wake(fail(IoError::interrupted));
    waiter.wake({});
    CHECK(called.times == 0);  // never from inside
    co_await yield(on);
    co_await yield(on);
  });

  CHECK(called.times == 1);
  REQUIRE_FALSE(called.last.ok());
  CHECK(called.last.error() == IoError::interrupted);
}
