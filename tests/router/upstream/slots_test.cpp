#include "router/upstream/slots.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/net/stream.hpp"

using namespace roomgate;
using namespace roomgate::router::upstream;
namespace stick = roomgate::router::stick;

namespace {

constexpr stick::ShardId kShard = 3;

// A core that runs in the test's thread until the test has what it wants.
struct Bench {
  net::Core core{0};
  SlotAccounts accounts{2};
  Slots slots{core, accounts};
  int client_end = -1;
  std::unique_ptr<net::Stream> client;

  explicit Bench(std::uint32_t limit) {
    slots.set_limit(kShard, limit);
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    client = std::make_unique<net::Stream>(core, ends[0]);
    client_end = ends[1];
  }
  ~Bench() {
    if (client_end >= 0) ::close(client_end);
  }
};

net::Task<void> ask(Bench& bench, TimePoint deadline, std::optional<Result<Slot, Refusal>>& answer,
                    bool stop = true) {
  answer.emplace(co_await bench.slots.enter(kShard, deadline, *bench.client));
  if (stop) bench.core.stop();
}

}  // namespace

TEST_CASE("a slot that ends lets the first of the line in") {
  Bench bench(1);
  auto held = bench.slots.try_enter(kShard);
  REQUIRE(held);
  CHECK(!bench.slots.try_enter(kShard));
  std::optional<Result<Slot, Refusal>> first;
  bench.core.spawn(ask(bench, TimePoint::max(), first));
  CHECK(bench.slots.waiting(kShard) == 1);

  bench.core.post([&] { held.reset(); });
  bench.core.run();

  REQUIRE(first);
  REQUIRE(first->ok());
  CHECK((*first)->held());
  CHECK(bench.slots.open(kShard) == 1);
  first.reset();
  CHECK(bench.slots.open(kShard) == 0);
  CHECK(bench.accounts.of(kShard).used() == 0);
}

TEST_CASE("who waits too long is told so, and its place is free") {
  Bench bench(1);
  const auto held = bench.slots.try_enter(kShard);
  std::optional<Result<Slot, Refusal>> late;
  bench.core.spawn(ask(bench, Clock::now() + milliseconds(20), late));

  bench.core.run();

  REQUIRE(late);
  REQUIRE(!late->ok());
  CHECK(late->error() == Refusal::late);
  CHECK(bench.slots.waiting(kShard) == 0);
}

TEST_CASE("beyond the bound nobody waits") {
  Bench bench(1);
  bench.slots.set_bound(0);
  const auto held = bench.slots.try_enter(kShard);
  std::optional<Result<Slot, Refusal>> refused;

  bench.core.spawn(ask(bench, TimePoint::max(), refused, false));

  REQUIRE(refused);
  REQUIRE(!refused->ok());
  CHECK(refused->error() == Refusal::full);
}

TEST_CASE("a client that leaves leaves its place") {
  Bench bench(1);
  const auto held = bench.slots.try_enter(kShard);
  std::optional<Result<Slot, Refusal>> gone;
  bench.core.spawn(ask(bench, TimePoint::max(), gone));
  ::close(std::exchange(bench.client_end, -1));

  bench.core.run();

  REQUIRE(gone);
  REQUIRE(!gone->ok());
  CHECK(gone->error() == Refusal::gone);
  CHECK(bench.accounts.of(kShard).waiting() == 0);
}

TEST_CASE("a wait that is cut off with its core leaves its place") {
  SlotAccounts accounts(1);
  {
    net::Core core{0};
    Slots slots(core, accounts);
    slots.set_limit(kShard, 1);
    const auto held = slots.try_enter(kShard);
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    net::Stream client(core, ends[0]);
    {
      auto waits = [](Slots& of, net::Channel& by) -> net::Task<void> {
        (void)co_await of.enter(kShard, TimePoint::max(), by);
      };
      auto task = waits(slots, client);
      auto starter = [](net::Task<void> inner) -> net::Task<void> { co_await std::move(inner); };
      net::Core short_lived{0};
      short_lived.spawn(starter(std::move(task)));
      CHECK(accounts.of(kShard).waiting() == 1);
    }
    CHECK(accounts.of(kShard).waiting() == 0);
    ::close(ends[1]);
  }
}

TEST_CASE("a slot is carried to the core where somebody waits") {
  Bench bench(1);
  net::Core far_core{1};
  Slots far(far_core, bench.accounts);
  far.set_limit(kShard, 1);
  std::optional<std::size_t> carried_to;
  far.set_others({.pass_slot = [&](std::size_t core, stick::ShardId) { carried_to = core; }});
  auto held = far.try_enter(kShard);
  std::optional<Result<Slot, Refusal>> waits;
  bench.core.spawn(ask(bench, TimePoint::max(), waits));

  held.reset();
  REQUIRE(carried_to == 0u);
  bench.core.post([&] { bench.slots.receive(kShard); });
  bench.core.run();

  REQUIRE(waits);
  CHECK(waits->ok());
  CHECK(far.open(kShard) == 0);
}

TEST_CASE("idle connections crowd a shard that has a limit, on whatever core they are") {
  Bench bench(2);
  net::Core far_core{1};
  Slots far(far_core, bench.accounts);
  far.set_limit(kShard, 2);
  std::optional<std::size_t> asked;
  bench.slots.set_others({.close_idle = [&](std::size_t core, stick::ShardId) { asked = core; }});
  far.set_idle(kShard, 2);

  const auto held = bench.slots.try_enter(kShard);

  CHECK(bench.slots.crowded(kShard));
  bench.slots.close_idle_elsewhere(kShard);
  CHECK(asked == 1u);
  far.set_idle(kShard, 1);
  CHECK(!bench.slots.crowded(kShard));
}
