#include "peers-sync/mesh/backoff.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::peers_sync::mesh;

TEST_CASE("a gate is dialled sooner than a HAProxy, and less and less often") {
  Backoff backoff;

  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(50));
  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(100));
  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(200));
  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(400));
  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(800));
  for (int i = 0; i < 100; ++i) CHECK(backoff.after_failure(PeerKind::gate, 0) == seconds(1));
  CHECK(backoff.after_failure(PeerKind::haproxy, 0.5) == seconds(5));
  CHECK(backoff.after_failure(PeerKind::unknown, 0.5) == seconds(5));
}

TEST_CASE("chance takes up to a quarter of the wait") {
  Backoff none;
  Backoff all;

  CHECK(none.after_failure(PeerKind::gate, 0) == milliseconds(50));
  CHECK(all.after_failure(PeerKind::gate, 1) == microseconds(37'500));
}

TEST_CASE("after a good session the lower name dials at once, and the waits begin anew") {
  Backoff backoff;
  for (int i = 0; i < 10; ++i) (void)backoff.after_failure(PeerKind::gate, 0);

  CHECK(backoff.after_session(PeerKind::gate, seconds(10), true, 0) == Duration::zero());
  CHECK(backoff.after_session(PeerKind::gate, seconds(10), false, 0) == milliseconds(50));
  CHECK(backoff.after_failure(PeerKind::gate, 0) == milliseconds(50));
}

TEST_CASE("a session that ends as soon as it has begun counts as a failed dial") {
  Backoff backoff;

  CHECK(backoff.after_session(PeerKind::gate, milliseconds(3), true, 0) == milliseconds(50));
  CHECK(backoff.after_session(PeerKind::gate, milliseconds(3), true, 0) == milliseconds(100));
  CHECK(backoff.after_session(PeerKind::haproxy, milliseconds(3), true, 0) == seconds(5));
}

TEST_CASE("a HAProxy is left alone for 50 to 2049 ms after a session") {
  Backoff backoff;

  CHECK(backoff.after_session(PeerKind::haproxy, seconds(10), true, 0) == milliseconds(50));
  CHECK(backoff.after_session(PeerKind::haproxy, seconds(10), true, 1) == milliseconds(2049));
  CHECK(backoff.after_replaced(0.5) >= milliseconds(1049));
}

TEST_CASE("a gate that did not answer is tried again soon, however often it did not") {
  Backoff backoff;
  for (int i = 0; i < 10; ++i) (void)backoff.after_failure(PeerKind::gate, 0);

  CHECK(backoff.after_no_answer(PeerKind::gate) == milliseconds(100));
  CHECK(backoff.after_no_answer(PeerKind::haproxy) == seconds(5));
}
