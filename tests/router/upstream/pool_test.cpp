#include "router/upstream/pool.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

using namespace roomgate;
using namespace roomgate::router::upstream;
namespace stick = roomgate::router::stick;

namespace {

struct Bench {
  net::Core core{0};
  Pool pool;
  TimePoint now = Clock::now();
  std::vector<int> far_ends;

  explicit Bench(Limits limits = {}) : pool(core, limits) {}
  ~Bench() {
    for (const int end : far_ends) ::close(end);
  }

  std::unique_ptr<Connection> make(stick::ShardId shard, const std::string& address = "10.0.0.1:80") {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    far_ends.push_back(ends[1]);
    auto connection = std::make_unique<Connection>();
    connection->stream = std::make_unique<net::Stream>(core, ends[0]);
    connection->shard = shard;
    connection->address = address;
    return connection;
  }
};

const std::string kAddress = "10.0.0.1:80";

}  // namespace

TEST_CASE("hands the youngest connection of that shard out again") {
  Bench bench;
  auto old = bench.make(1);
  auto young = bench.make(1);
  const auto* expected = young.get();
  bench.pool.give_back(std::move(old), bench.now);
  bench.pool.give_back(std::move(young), bench.now);
  bench.pool.give_back(bench.make(2), bench.now);

  const auto taken = bench.pool.take(1, kAddress, Wanted::any, bench.now);

  CHECK(taken.get() == expected);
  CHECK(taken->reused);
  CHECK(bench.pool.idle() == 2);
  CHECK(bench.pool.take(3, kAddress, Wanted::any, bench.now) == nullptr);
}

TEST_CASE("a request that must not be repeated gets only a connection used a moment ago") {
  Bench bench;
  bench.pool.give_back(bench.make(1), bench.now);

  CHECK(bench.pool.take(1, kAddress, Wanted::fresh, bench.now + milliseconds(1500)) == nullptr);
  CHECK(bench.pool.take(1, kAddress, Wanted::fresh, bench.now + milliseconds(500)) != nullptr);
}

TEST_CASE("such a request does not get a connection that the shard has closed meanwhile") {
  Bench bench;
  bench.pool.give_back(bench.make(1), bench.now);
  ::shutdown(bench.far_ends.back(), SHUT_RDWR);

  CHECK(bench.pool.take(1, kAddress, Wanted::fresh, bench.now) == nullptr);
  CHECK(bench.pool.idle() == 0);
}

TEST_CASE("a second attempt never gets a used connection") {
  Bench bench;
  bench.pool.give_back(bench.make(1), bench.now);

  CHECK(bench.pool.take(1, kAddress, Wanted::only_new, bench.now) == nullptr);
  CHECK(bench.pool.idle() == 1);
}

TEST_CASE("a connection to an address the shard no longer has is dropped") {
  Bench bench;
  bench.pool.give_back(bench.make(1, "10.0.0.9:80"), bench.now);

  CHECK(bench.pool.take(1, kAddress, Wanted::any, bench.now) == nullptr);
  CHECK(bench.pool.idle() == 0);
}

TEST_CASE("keeps no more idle connections than its limit, and drops the oldest") {
  Bench bench({.idle_per_shard = 2});
  auto first = bench.make(1);
  const auto* oldest = first.get();
  bench.pool.give_back(std::move(first), bench.now);
  bench.pool.give_back(bench.make(1), bench.now);
  bench.pool.give_back(bench.make(1), bench.now);

  CHECK(bench.pool.idle() == 2);
  CHECK(bench.pool.take(1, kAddress, Wanted::any, bench.now).get() != oldest);
  CHECK(bench.pool.take(1, kAddress, Wanted::any, bench.now).get() != oldest);
}

TEST_CASE("closes idle connections on request") {
  Bench bench;
  bench.pool.give_back(bench.make(1), bench.now);
  bench.pool.give_back(bench.make(2), bench.now);

  bench.pool.close_idle([](const Connection& connection) { return connection.shard == 1; });

  CHECK(bench.pool.idle() == 1);
  CHECK(bench.pool.take(1, kAddress, Wanted::any, bench.now) == nullptr);
}
