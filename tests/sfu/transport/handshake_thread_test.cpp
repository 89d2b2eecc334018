#include "sfu/transport/handshake_thread.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <utility>

#include "tests/sfu/transport/dtls_client.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

struct Outcome {
  std::optional<SrtpKeys> keys;
  std::optional<DtlsError> error;
  bool closed = false;
};

struct Fixture {
  explicit Fixture(std::size_t workers, HandshakeLimits limits = {})
      : context(std::move(DtlsContext::make()).value()), thread(*context, workers, limits) {
    thread.start();
  }

  // Waits for the worker's bell, then hands datagrams to the client and keeps the rest. False: nothing came.
  bool turn(std::size_t worker, std::uint64_t association, DtlsClient& client, Outcome& outcome) {
    pollfd bell{thread.event_fd(worker), POLLIN, 0};
    if (poll(&bell, 1, 20'000) != 1) return false;
    std::vector<HandshakeEvent> events;
    thread.collect(worker, events);
    for (HandshakeEvent& event : events) {
      if (event.association != association) continue;
      switch (event.kind) {
        case HandshakeEventKind::datagram: client.receive(event.bytes); break;
        case HandshakeEventKind::keys: outcome.keys = event.keys; break;
        case HandshakeEventKind::failed: outcome.error = event.error; break;
        case HandshakeEventKind::closed: outcome.closed = true; break;
      }
    }
    return true;
  }

  void pump(std::size_t worker, std::uint64_t association, DtlsClient& client) {
    for (const Datagram& datagram : std::exchange(client.sent, {}))
      thread.datagram(worker, association, datagram);
  }

  Outcome shake(std::size_t worker, std::uint64_t association, DtlsClient& client) {
    Outcome outcome;
    client.step();
    for (int i = 0; i < 50 && !outcome.keys && !outcome.error; ++i) {
      pump(worker, association, client);
      if (!turn(worker, association, client, outcome)) break;
    }
    return outcome;
  }

  std::unique_ptr<DtlsContext> context;
  HandshakeThread thread;
};

}  // namespace

TEST_CASE("shakes hands for two workers at once") {
  Fixture fixture(2);
  DtlsClient first;
  DtlsClient second;
  fixture.thread.expect(0, 1, "sha-256", first.fingerprint());
  fixture.thread.expect(1, 1, "sha-256", second.fingerprint());

  const Outcome one = fixture.shake(0, 1, first);
  const Outcome two = fixture.shake(1, 1, second);

  REQUIRE(one.keys);
  REQUIRE(two.keys);
  CHECK(first.done());
  CHECK(same_keys(*one.keys, first.keys()));
  CHECK(same_keys(*two.keys, second.keys()));
  CHECK(fixture.thread.handshakes_done() == 2);
}

TEST_CASE("waits for a fingerprint that comes late") {
  Fixture fixture(1);
  DtlsClient client;
  Outcome outcome;
  client.step();
  for (int i = 0; i < 50 && !client.done(); ++i) {
    fixture.pump(0, 9, client);
    REQUIRE(fixture.turn(0, 9, client, outcome));
  }
  CHECK(!outcome.keys);

  fixture.thread.expect(0, 9, "sha-256", client.fingerprint());
  REQUIRE(fixture.turn(0, 9, client, outcome));

  REQUIRE(outcome.keys);
  CHECK(same_keys(*outcome.keys, client.keys()));
}

TEST_CASE("reports a failure, and a goodbye") {
  Fixture fixture(1);
  DtlsClient stranger;
  fixture.thread.expect(0, 1, "sha-256", fixture.context->fingerprint());
  CHECK(fixture.shake(0, 1, stranger).error == DtlsError::fingerprint_mismatch);
  CHECK(fixture.thread.handshakes_failed() == 1);

  DtlsClient client;
  fixture.thread.expect(0, 2, "sha-256", client.fingerprint());
  Outcome outcome = fixture.shake(0, 2, client);
  REQUIRE(outcome.keys);
  client.send_close();
  fixture.pump(0, 2, client);
  REQUIRE(fixture.turn(0, 2, client, outcome));
  CHECK(outcome.closed);
}

TEST_CASE("tells a client goodbye whose endpoint is dropped") {
  Fixture fixture(1);
  DtlsClient client;
  fixture.thread.expect(0, 1, "sha-256", client.fingerprint());
  Outcome outcome = fixture.shake(0, 1, client);
  REQUIRE(outcome.keys);
  REQUIRE(client.done());

  fixture.thread.drop(0, 1);
  REQUIRE(fixture.turn(0, 1, client, outcome));

  CHECK(client.closed);
}

TEST_CASE("shard rule 5: after its time the SSL object is freed, and its association begins nothing anew") {
  CHECK(HandshakeLimits{}.keep == seconds(30));
  Fixture fixture(1, {.keep = Duration::zero()});
  DtlsClient client;
  fixture.thread.expect(0, 1, "sha-256", client.fingerprint());
  REQUIRE(fixture.shake(0, 1, client).keys);
  DtlsClient meanwhile;
  fixture.thread.expect(0, 2, "sha-256", meanwhile.fingerprint());
  REQUIRE(fixture.shake(0, 2, meanwhile).keys);

  client.send_close();
  fixture.pump(0, 1, client);
  DtlsClient again;
  again.step();
  fixture.pump(0, 1, again);

  // What is said about the first while a third one, asked for later, is served.
  DtlsClient last;
  fixture.thread.expect(0, 3, "sha-256", last.fingerprint());
  last.step();
  std::size_t about_first = 0;
  bool keys = false;
  for (int i = 0; i < 50 && !keys; ++i) {
    fixture.pump(0, 3, last);
    pollfd bell{fixture.thread.event_fd(0), POLLIN, 0};
    REQUIRE(poll(&bell, 1, 20'000) == 1);
    std::vector<HandshakeEvent> events;
    fixture.thread.collect(0, events);
    for (HandshakeEvent& event : events) {
      if (event.association == 1) ++about_first;
      if (event.association != 3) continue;
      keys = keys || event.kind == HandshakeEventKind::keys;
      if (event.kind == HandshakeEventKind::datagram) last.receive(event.bytes);
    }
  }
  CHECK(keys);
  CHECK(about_first == 0);
}

TEST_CASE("an association whose SSL object is freed keeps its place until it is dropped") {
  Fixture fixture(2, {.max_associations = 1, .keep = Duration::zero()});
  DtlsClient first;
  fixture.thread.expect(0, 1, "sha-256", first.fingerprint());
  REQUIRE(fixture.shake(0, 1, first).keys);

  DtlsClient second;
  fixture.thread.expect(0, 2, "sha-256", second.fingerprint());
  DtlsClient elsewhere;  // the other worker's turn comes later, so once this is done that was read
  fixture.thread.expect(1, 3, "sha-256", elsewhere.fingerprint());
  REQUIRE(fixture.shake(1, 3, elsewhere).keys);
  CHECK(fixture.thread.lost_requests() == 1);

  fixture.thread.drop(0, 1);
  fixture.thread.expect(0, 2, "sha-256", second.fingerprint());
  CHECK(fixture.shake(0, 2, second).keys);
}

TEST_CASE("opens an association for a ClientHello only") {
  Fixture fixture(1);
  const Datagram alert = {21, 254, 253, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0};
  for (int i = 0; i < 50; ++i) fixture.thread.datagram(0, 3, alert);
  DtlsClient client;
  fixture.thread.expect(0, 4, "sha-256", client.fingerprint());

  CHECK(fixture.shake(0, 4, client).keys);

  CHECK(fixture.thread.lost_requests() == 50);
}

TEST_CASE("a full ring loses datagrams and never a fingerprint") {
  HandshakeLimits limits;
  limits.queue = 4;
  const auto context = std::move(DtlsContext::make()).value();
  HandshakeThread thread(*context, 1, limits);  // not started yet: nothing is taken
  const Datagram datagram(100, 22);
  std::size_t accepted = 0;
  for (int i = 0; i < 10; ++i) accepted += thread.datagram(0, 1, datagram) ? 1 : 0;
  CHECK(accepted == 4);
  CHECK(thread.lost_requests() == 6);
  DtlsClient client;
  thread.expect(0, 5, "sha-256", client.fingerprint());

  thread.start();

  client.step();
  std::optional<SrtpKeys> keys;
  for (int i = 0; i < 500 && !keys; ++i) {
    for (const Datagram& out : std::exchange(client.sent, {})) {
      // As a client's timer would: again until it is taken.
      for (int again = 0; again < 1'000'000 && !thread.datagram(0, 5, out); ++again) {
        std::vector<HandshakeEvent> events;
        thread.collect(0, events);
        for (HandshakeEvent& event : events) {
          if (event.kind == HandshakeEventKind::datagram) client.receive(event.bytes);
          if (event.kind == HandshakeEventKind::keys) keys = event.keys;
        }
      }
    }
    pollfd bell{thread.event_fd(0), POLLIN, 0};
    poll(&bell, 1, 100);
    std::vector<HandshakeEvent> events;
    thread.collect(0, events);
    for (HandshakeEvent& event : events) {
      if (event.kind == HandshakeEventKind::datagram) client.receive(event.bytes);
      if (event.kind == HandshakeEventKind::keys) keys = event.keys;
    }
  }
  REQUIRE(keys);
  CHECK(same_keys(*keys, client.keys()));
}

TEST_CASE("a ring keeps its order between two threads and refuses when full") {
  SpscRing<int> ring(4);
  for (int i = 0; i < 4; ++i) CHECK(ring.push(int{i}));
  CHECK(!ring.push(4));
  int value = -1;
  CHECK(ring.pop(value));
  CHECK(value == 0);
  while (ring.pop(value)) continue;

  constexpr int kCount = 200'000;
  std::thread producer([&] {
    for (int i = 0; i < kCount; ++i) {
      while (!ring.push(int{i})) std::this_thread::yield();
    }
  });
  int expected = 0;
  while (expected < kCount) {
    if (!ring.pop(value)) {
      std::this_thread::yield();
      continue;
    }
    REQUIRE(value == expected);
    ++expected;
  }
  producer.join();
}
