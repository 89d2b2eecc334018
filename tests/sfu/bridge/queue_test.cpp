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

TEST_CASE("a full ring refuses and counts, and leaves the item with its owner") {
  Ring<std::unique_ptr<int>> ring(2);
  CHECK(ring.push(std::make_unique<int>(1)));
  CHECK(ring.push(std::make_unique<int>(2)));
  auto third = std::make_unique<int>(3);

  CHECK(!ring.push(std::move(third)));

  CHECK(ring.dropped() == 1);
  REQUIRE(third != nullptr);
  std::unique_ptr<int> item;
  REQUIRE(ring.pop(item));
  CHECK(*item == 1);
  CHECK(ring.push(std::move(third)));
}

TEST_CASE("a batch of items wakes the consumer once") {
  Mailbox<int> mailbox(8);
  mailbox.flush();
  CHECK(!readable(mailbox.fd(), 0));
  for (int i = 0; i < 5; ++i) CHECK(mailbox.push(int{i}));
  CHECK(!readable(mailbox.fd(), 0));

  mailbox.flush();

  CHECK(readable(mailbox.fd(), 0));
  int sum = 0;
  CHECK(mailbox.drain(3, [&sum](int item) { sum += item; }) == 3);
  CHECK(sum == 3);
  CHECK(readable(mailbox.fd(), 0));  // the rest was announced again
  CHECK(mailbox.drain(100, [&sum](int item) { sum += item; }) == 2);
  CHECK(sum == 10);
  CHECK(!readable(mailbox.fd(), 0));
}

TEST_CASE("items cross threads whole and in order") {
  constexpr int kCount = 200'000;
  Mailbox<std::unique_ptr<int>> mailbox(64);
  std::thread producer([&mailbox] {
    for (int i = 0; i < kCount;) {
      auto item = std::make_unique<int>(i);
      if (mailbox.push(std::move(item))) {
        ++i;
      } else {
        std::this_thread::yield();
      }
      mailbox.flush();
    }
  });

  int expected = 0;
  bool ordered = true;
  while (expected < kCount && readable(mailbox.fd(), 5000)) {
    mailbox.drain(1000, [&](std::unique_ptr<int> item) { ordered = ordered && *item == expected++; });
  }
  producer.join();

  CHECK(expected == kCount);
  CHECK(ordered);
}
