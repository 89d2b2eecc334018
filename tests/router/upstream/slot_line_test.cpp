#include "router/upstream/slot_line.hpp"

#include <doctest/doctest.h>

#include <array>
#include <mutex>
#include <thread>
#include <vector>

using namespace roomgate;
using namespace roomgate::router::upstream;
using Entry = SlotLine::Entry;

namespace {

constexpr std::uint32_t kBound = 100;
const TimePoint kStart{seconds(1000)};

struct Guest final : SlotLine::Waiter {
  bool in = false;
  void on_slot() override { in = true; }
};

struct Bench {
  SlotAccount account{3};
  std::array<SlotLine, 3> lines{SlotLine(account, 0), SlotLine(account, 1), SlotLine(account, 2)};

  explicit Bench(std::uint32_t limit) {
    for (SlotLine& line : lines) line.set_limit(limit);
  }
  // A slot comes back on `core` and is carried as far as it goes.
  void leave(std::size_t core) {
    auto next = lines[core].leave();
    for (int hops = 0; next; ++hops) {
      REQUIRE(hops < 10);
      next = lines[*next].receive();
    }
  }
};

}  // namespace

TEST_CASE("without a limit everybody enters and nothing is counted over cores") {
  Bench bench(0);
  Guest guest;

  for (int i = 0; i < 1000; ++i) CHECK(bench.lines[0].enter(guest, kBound, kStart) == Entry::taken);

  CHECK(bench.account.used() == 0);
  CHECK(bench.lines[0].open() == 1000);
}

TEST_CASE("the limit holds over all cores") {
  Bench bench(2);
  Guest guest;

  CHECK(bench.lines[0].try_enter());
  CHECK(bench.lines[1].try_enter());
  CHECK(!bench.lines[2].try_enter());
  CHECK(!bench.lines[0].try_enter());
  CHECK(bench.lines[2].enter(guest, kBound, kStart) == Entry::queued);
  bench.leave(0);

  CHECK(guest.in);
  CHECK(bench.account.used() == 2);
}

TEST_CASE("first come, first served") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  std::array<Guest, 4> guests;
  for (Guest& guest : guests) CHECK(bench.lines[0].enter(guest, kBound, kStart) == Entry::queued);

  for (std::size_t i = 0; i < guests.size(); ++i) {
    CHECK(!guests[i].in);
    bench.leave(0);
    CHECK(guests[i].in);
  }
  bench.leave(0);
  CHECK(bench.account.used() == 0);
  CHECK(bench.account.waiting() == 0);
}

TEST_CASE("nobody passes a line by") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  Guest waits;
  CHECK(bench.lines[0].enter(waits, kBound, kStart) == Entry::queued);
  // As a reload does in the moment before the line is told.
  bench.account.give();

  CHECK(!bench.lines[0].try_enter());
  bench.account.add(1);
  bench.lines[0].give_up(waits);
}

TEST_CASE("a line has a bound, over all cores") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  std::array<Guest, 3> guests;

  CHECK(bench.lines[0].enter(guests[0], 2, kStart) == Entry::queued);
  CHECK(bench.lines[1].enter(guests[1], 2, kStart) == Entry::queued);
  CHECK(bench.lines[2].enter(guests[2], 2, kStart) == Entry::full);
  bench.lines[0].give_up(guests[0]);
  CHECK(bench.lines[2].enter(guests[2], 2, kStart) == Entry::queued);

  bench.lines[1].give_up(guests[1]);
  bench.lines[2].give_up(guests[2]);
}

TEST_CASE("a bound of none: who cannot enter is refused at once") {
  Bench bench(1);
  Guest guest;
  CHECK(bench.lines[0].try_enter());

  CHECK(bench.lines[0].enter(guest, 0, kStart) == Entry::full);
}

TEST_CASE("who gave up gets nothing, the next one does") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  std::array<Guest, 3> guests;
  for (Guest& guest : guests) CHECK(bench.lines[0].enter(guest, kBound, kStart) == Entry::queued);

  bench.lines[0].give_up(guests[0]);
  bench.leave(0);

  CHECK(!guests[0].in);
  CHECK(guests[1].in);
  bench.lines[0].give_up(guests[2]);
  CHECK(bench.lines[0].length() == 0);
}

TEST_CASE("own first, but another core's first is not left to starve") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  Guest own;
  Guest other;
  CHECK(bench.lines[1].enter(other, kBound, kStart) == Entry::queued);
  CHECK(bench.lines[0].enter(own, kBound, kStart + milliseconds(5)) == Entry::queued);
  bench.leave(0);
  CHECK(own.in);
  CHECK(!other.in);

  Guest late;
  CHECK(bench.lines[0].enter(late, kBound, kStart + milliseconds(50)) == Entry::queued);
  bench.leave(0);
  CHECK(other.in);
  CHECK(!late.in);

  bench.leave(1);
  CHECK(late.in);
}

TEST_CASE("a slot that comes to a core whose line is gone goes on or is free") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  Guest one;
  Guest two;
  CHECK(bench.lines[1].enter(one, kBound, kStart) == Entry::queued);
  CHECK(bench.lines[2].enter(two, kBound, kStart + milliseconds(1)) == Entry::queued);

  const auto carried = bench.lines[0].leave();
  REQUIRE(carried == 1u);
  bench.lines[1].give_up(one);
  const auto next = bench.lines[1].receive();
  REQUIRE(next == 2u);
  bench.lines[2].give_up(two);

  CHECK(!bench.lines[2].receive());
  CHECK(bench.account.used() == 0);
}

TEST_CASE("a raised limit lets those in who wait, a lowered one takes slots out of use") {
  Bench bench(1);
  CHECK(bench.lines[0].try_enter());
  std::array<Guest, 3> guests;
  for (Guest& guest : guests) CHECK(bench.lines[0].enter(guest, kBound, kStart) == Entry::queued);

  for (SlotLine& line : bench.lines) line.set_limit(3);
  CHECK(guests[0].in);
  CHECK(guests[1].in);
  CHECK(!guests[2].in);

  for (SlotLine& line : bench.lines) line.set_limit(2);
  bench.leave(0);
  CHECK(!guests[2].in);
  CHECK(bench.account.used() == 2);
  bench.leave(0);
  CHECK(guests[2].in);
}

TEST_CASE("what is open when a limit comes counts, and a limit that goes lets all in") {
  Bench bench(0);
  CHECK(bench.lines[0].try_enter());
  CHECK(bench.lines[1].try_enter());
  for (SlotLine& line : bench.lines) line.set_limit(2);
  Guest guest;

  CHECK(bench.account.used() == 2);
  CHECK(bench.lines[2].enter(guest, kBound, kStart) == Entry::queued);
  for (SlotLine& line : bench.lines) line.set_limit(0);

  CHECK(guest.in);
  CHECK(bench.account.used() == 0);
  CHECK(bench.lines[2].open() == 1);
}

TEST_CASE("idle connections of all cores are known") {
  SlotAccount account(3);
  account.set_idle(0, 2);
  account.set_idle(2, 1);

  CHECK(account.idle() == 3);
  CHECK(account.core_with_idle(0) == 2u);
  CHECK(account.core_with_idle(2) == 0u);
}

// Threads as the gate has them: a core's line on its own thread, slots carried by a mailbox.
TEST_CASE("cores at once: never more than the limit, nobody forgotten, all slots come back") {
  constexpr std::size_t kCores = 3;
  constexpr std::uint32_t kLimit = 2;
  constexpr int kRounds = 3000;
  SlotAccount account(kCores);
  std::array<SlotLine, kCores> lines{SlotLine(account, 0), SlotLine(account, 1), SlotLine(account, 2)};
  for (SlotLine& line : lines) line.set_limit(kLimit);
  std::array<std::atomic<int>, kCores> mail{};
  std::atomic<int> inside{0};
  std::atomic<int> most{0};
  std::atomic<std::size_t> busy{kCores};

  const auto core = [&](std::size_t self) {
    SlotLine& line = lines[self];
    const auto carry = [&](std::optional<std::size_t> to) {
      if (to) mail[*to].fetch_add(1);
    };
    const auto read_mail = [&] {
      for (int slots = mail[self].exchange(0); slots > 0; --slots) carry(line.receive());
    };
    for (int round = 0; round < kRounds; ++round) {
      Guest guest;
      guest.in = line.enter(guest, kBound, Clock::now()) == Entry::taken;
      // Some lose patience.
      for (int looks = 0; !guest.in && (round % 7 != 0 || looks < 20); ++looks) {
        read_mail();
        std::this_thread::yield();
      }
      if (!guest.in) {
        line.give_up(guest);
        continue;
      }
      const int now_inside = inside.fetch_add(1) + 1;
      int seen = most.load();
      while (now_inside > seen && !most.compare_exchange_weak(seen, now_inside)) {
      }
      inside.fetch_sub(1);
      carry(line.leave());
      read_mail();
    }
    busy.fetch_sub(1);
    while (busy.load() > 0) {
      read_mail();
      std::this_thread::yield();
    }
  };
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kCores; ++i) threads.emplace_back(core, i);
  for (std::thread& thread : threads) thread.join();
  // What was under way when the last one ended.
  for (std::size_t i = 0, quiet = 0; quiet < kCores; i = (i + 1) % kCores) {
    const int slots = mail[i].exchange(0);
    quiet = slots == 0 ? quiet + 1 : 0;
    for (int n = 0; n < slots; ++n) {
      if (const auto next = lines[i].receive()) mail[*next].fetch_add(1);
    }
  }

  CHECK(most.load() <= static_cast<int>(kLimit));
  CHECK(account.used() == 0);
  CHECK(account.waiting() == 0);
}
