#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/net/acceptor.hpp"
#include "base/net/runtime.hpp"
#include "base/net/sleep.hpp"
#include "base/net/stream.hpp"
#include "base/sanitizer.hpp"
#include "tests/support/on_core.hpp"

using namespace roomgate;
using namespace roomgate::net;
using roomgate::tests::run;

namespace {

std::pair<int, int> socket_pair() {
  std::array<int, 2> ends{};
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
  return {ends[0], ends[1]};
}

}  // namespace

TEST_CASE("a buffer goes back to its pool and is used again") {
  BufferPool pool;
  const std::uint8_t* first = nullptr;
  {
    Buffer buffer = pool.take(BufferPool::Size::small);
    first = buffer.span().data();
    CHECK(pool.borrowed() == 1);
    CHECK(buffer.size() == BufferPool::kSmall);
  }
  CHECK(pool.borrowed() == 0);

  Buffer again = pool.take(BufferPool::Size::small);
  Buffer moved = std::move(again);

  if (!kMemoryIsWatched) CHECK(moved.span().data() == first);
  CHECK(pool.borrowed() == 1);
}

TEST_CASE("a stream carries bytes both ways and tells the end") {
  run([](Core& core) -> Task<void> {
    const auto [left, right] = socket_pair();
    Stream a(core, left);
    Stream b(core, right);
    const auto deadline = Clock::now() + seconds(30);
    std::array<std::uint8_t, 16> bytes{};

    const std::array<ByteView, 2> parts{as_bytes("hello "), as_bytes("world")};
    CHECK((co_await a.write_all(parts, seconds(30))).ok());
    const auto got = co_await b.read_some(bytes, deadline);
    REQUIRE(got.ok());
    CHECK(as_text({bytes.data(), *got}) == "hello world");

    a.shutdown_write();
    const auto end = co_await b.read_some(bytes, deadline);
    REQUIRE(end.ok());
    CHECK(*end == 0);
    CHECK((co_await b.write_all(as_bytes("still"), seconds(30))).ok());
    CHECK((co_await a.read_some(bytes, deadline)).ok());
  });
}

TEST_CASE("a read ends at its deadline") {
  run([](Core& core) -> Task<void> {
    const auto [left, right] = socket_pair();
    Stream a(core, left);
    Stream b(core, right);
    std::array<std::uint8_t, 16> bytes{};

    const auto result = co_await a.read_some(bytes, Clock::now() + milliseconds(1));

    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == IoError::timed_out);
    CHECK((co_await b.write_all(as_bytes("x"), seconds(30))).ok());
    CHECK((co_await a.read_some(bytes, Clock::now() + seconds(30))).ok());
  });
}

TEST_CASE("a write to a peer that takes nothing ends after the stall time") {
  run([](Core& core) -> Task<void> {
    const auto [left, right] = socket_pair();
    Stream a(core, left);
    Stream b(core, right);
    const std::string much(8 * 1024 * 1024, 'x');

    const auto result = co_await a.write_all(as_bytes(much), milliseconds(1));

    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == IoError::timed_out);
    CHECK(a.write_waited());
  });
}

TEST_CASE("interrupt ends a wait that is under way, and all later ones") {
  run([](Core& core) -> Task<void> {
    const auto [left, right] = socket_pair();
    Stream a(core, left);
    Stream b(core, right);
    Event waiting(core);
    std::array<std::uint8_t, 16> bytes{};
    CHECK_FALSE(a.try_read(bytes).has_value());
    core.spawn([](Stream& stream, Event& go) -> Task<void> {
      (void)co_await go.wait(TimePoint::max());
      stream.interrupt();
    }(a, waiting));
    waiting.set();

    const auto result = co_await a.wait_readable(TimePoint::max());

    REQUIRE_FALSE(result.ok());
    CHECK(result.error() == IoError::interrupted);
    CHECK(a.try_read({}).has_value());
  });
}

TEST_CASE("an acceptor hands over connections on a port of the system's choice") {
  run([](Core& core) -> Task<void> {
    const auto descriptor = open_listener(*Address::parse("127.0.0.1:0"), true);
    REQUIRE(descriptor.ok());
    const auto address = bound_address(*descriptor);
    REQUIRE(address);
    CHECK(address->port() != 0);
    std::unique_ptr<Stream> served;
    Event accepted(core);
    Acceptor acceptor(core, *descriptor, [&](int connection, const Address& from) {
      CHECK(from.is_loopback());
      served = std::make_unique<Stream>(core, connection);
      accepted.set();
    });
    acceptor.start();

    auto client = co_await Stream::connect(core, *address, Clock::now() + seconds(30));
    REQUIRE(client.ok());
    CHECK(co_await accepted.wait(Clock::now() + seconds(30)));
    acceptor.stop();
    auto refused = co_await Stream::connect(core, *address, Clock::now() + seconds(30));

    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error() == IoError::refused);
  });
}

TEST_CASE("an event wakes its waiters once set, or tells them that time is up") {
  run([](Core& core) -> Task<void> {
    Event event(core);
    CHECK_FALSE(co_await event.wait(Clock::now() + milliseconds(1)));
    event.set();
    CHECK(co_await event.wait(Clock::now() + seconds(30)));
  });
}
