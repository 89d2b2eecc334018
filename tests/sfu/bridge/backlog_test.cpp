#include "sfu/bridge/backlog.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

// A worker that works for `worked` and then reads a batch that has waited for `waited`.
struct Worker {
  Backlog backlog{{.waited = milliseconds(25), .worked = milliseconds(40)}};
  Duration cpu{};
  int asked = 0;

  bool read(Duration worked, Duration waited) {
    cpu += worked;
    backlog.on_batch(waited, [&] {
      ++asked;
      return cpu;
    });
    return backlog.too_much();
  }
};

}  // namespace

TEST_CASE("a worker in time never asks what time it had") {
  Worker worker;

  for (int i = 0; i < 100; ++i) CHECK_FALSE(worker.read(milliseconds(5), milliseconds(25)));

  CHECK(worker.asked == 0);
}

TEST_CASE("after a stall the backlog is worked off") {
  Worker worker;

  CHECK_FALSE(worker.read(milliseconds(1), milliseconds(300)));
  CHECK_FALSE(worker.read(milliseconds(20), milliseconds(180)));
  CHECK_FALSE(worker.read(milliseconds(19), milliseconds(60)));
  CHECK_FALSE(worker.read(milliseconds(5), milliseconds(20)));
  // What waits later is another matter.
  CHECK_FALSE(worker.read(milliseconds(500), milliseconds(30)));
}

TEST_CASE("what still waits after that much work is too much, until it waits no more") {
  Worker worker;

  CHECK_FALSE(worker.read(milliseconds(1), milliseconds(26)));
  CHECK_FALSE(worker.read(milliseconds(39), milliseconds(30)));
  CHECK(worker.read(milliseconds(1), milliseconds(30)));
  CHECK(worker.read(milliseconds(2), milliseconds(27)));
  CHECK_FALSE(worker.read(milliseconds(2), milliseconds(25)));
  CHECK_FALSE(worker.read(milliseconds(2), milliseconds(26)));
}
