// Many threads at one gatekeeper: run under tsan as well.
#include <doctest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "router/limits/gatekeeper.hpp"
#include "tests/support/threads.hpp"

using namespace roomgate;
using roomgate::tests::in_threads;
using namespace roomgate::router::limits;

namespace {

constexpr std::size_t kThreads = 4;
const TimePoint kStart = TimePoint() + std::chrono::hours(1);

}  // namespace

TEST_CASE("threads that ask at once are given the burst, and not one more") {
  Gatekeeper gate({.connections = 0, .requests = {1, 5000}});
  std::atomic<int> granted{0};

  in_threads(kThreads, [&](std::size_t) {
    const auto ticket = gate.connection(*Address::from_ip("192.0.2.1", 1), kStart);
    for (int i = 0; i < 4000; ++i) {
      if (gate.request(*ticket, kStart)) granted.fetch_add(1);
    }
  });

  CHECK(granted.load() == 5000);
}

TEST_CASE("connections are counted exactly while addresses come, go and are forgotten") {
  Gatekeeper gate({.connections = 2, .requests = {1e6, 1}, .addresses = 64});
  std::atomic<int> wrong{0};

  in_threads(kThreads, [&](std::size_t t) {
    for (int i = 0; i < 3000; ++i) {
      const auto now = kStart + milliseconds(i);
      // One of this thread's own: refused never, unless it is among the crowd.
      const auto own = gate.connection(*Address::from_ip("10.0.0." + std::to_string(t), 1), now);
      const auto other = gate.connection(*Address::from_ip("10.1." + std::to_string(i % 250) + ".1", 1), now);
      if (other) (void)gate.request(*other, now);
      if (!own && gate.crowded() == 0) wrong.fetch_add(1);
    }
  });

  CHECK(wrong.load() == 0);
  // Nobody is left behind: every address has its two again.
  for (int i = 0; i < 250; ++i) {
    const auto address = *Address::from_ip("10.1." + std::to_string(i) + ".1", 1);
    const auto now = kStart + seconds(100 + i);
    const auto one = gate.connection(address, now);
    const auto two = gate.connection(address, now);
    CHECK(one.has_value());
    CHECK(two.has_value());
    CHECK(!gate.connection(address, now));
  }
}
