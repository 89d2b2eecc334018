#include "sfu/bridge/queue.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <memory>
#include <thread>

using namespace roomgate::sfu::bridge;

namespace {

bool readable(int fd, int timeout_ms) {
  pollfd waiting{fd, POLLIN, 0};
  return ::poll(&waiting, 1, timeout_ms) == 1;
}

}  // namespace

TEST_CASE("shard rule 1: a full queue refuses and counts, and leaves the item with its owner") {
  Wakeup wakeup;
  Queue<std::unique_ptr<int>> ring(2, wakeup);
  CHECK(ring.push(std::make_unique<int>(1)));
  CHECK(ring.push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);

  CHECK(!ring.push(std::move(third)));

  CHECK(ring.dropped() == 1);
  REQUIRE(third != nullptr);
  int first = 0;
  CHECK(ring.drain(1, [&first](std::unique_ptr<int> item) { first = *item; }) == 1);
  CHECK(first == 1);
  CHECK(ring.push(std::move(third)));
}

TEST_CASE("shard rule 1: a batch of items wakes the consumer once") {
  Wakeup wakeup;
  Queue<int> queue(8, wakeup);
  queue.flush();
  CHECK(!readable(wakeup.fd(), 0));
  for (int i = 0; i < 5; ++i) CHECK(queue.push(int{i}));
  CHECK(!readable(wakeup.fd(), 0));

  queue.flush();

  CHECK(readable(wakeup.fd(), 0));
  int sum = 0;
  wakeup.clear();
  CHECK(queue.drain(3, [&sum](int item) { sum += item; }) == 3);
  CHECK(sum == 3);
  CHECK(readable(wakeup.fd(), 0));  // the rest was announced again
  wakeup.clear();
  CHECK(queue.drain(100, [&sum](int item) { sum += item; }) == 2);
  CHECK(sum == 10);
  CHECK(!readable(wakeup.fd(), 0));
}

TEST_CASE("items cross threads whole and in order") {
  constexpr int kCount = 200'000;
  Wakeup wakeup;
  Queue<std::unique_ptr<int>> queue(64, wakeup);
  std::thread producer([&queue] {
    for (int i = 0; i < kCount;) {
      auto item = std::make_unique<int>(i);
      if (queue.push(std::move(item))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
      queue.flush();
    }
  });

  int expected = 0;
  bool ordered = true;
  while (expected < kCount && readable(wakeup.fd(), 5000)) {
    wakeup.clear();
    queue.drain(1000, [&](std::unique_ptr<int> item) { ordered = ordered && *item == expected++; });
  }
  producer.join();

  CHECK(expected == kCount);
  CHECK(ordered);
}
