#include "sfu/bridge/crossing.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <thread>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

TEST_CASE("a parcel returns to its pool with its last reference") {
  ParcelPool pool(1);
  ParcelReference first = pool.take(as_bytes("abc"), {});
  REQUIRE(first);
  ParcelReference second = first.share();
  CHECK(!pool.take(as_bytes("d"), {}));

  first = {};
  CHECK(!pool.take(as_bytes("d"), {}));
  CHECK(as_text(second->bytes()) == "abc");
  second = {};

  const ParcelReference again = pool.take(as_bytes("de"), {});
  REQUIRE(again);
  CHECK(as_text(again->bytes()) == "de");
}

TEST_CASE("a packet longer than a parcel is refused") {
  ParcelPool pool(4);
  const std::vector<std::uint8_t> large(5000);

  CHECK(!pool.take(large, {}));
  CHECK(pool.take(as_bytes("x"), {}));
}

TEST_CASE("parcels cross threads and come back") {
  Crossings crossings(2, 64, 32);
  constexpr int kCount = 50'000;
  std::atomic<int> received{0};
  std::thread reader([&] {
    while (received < kCount) {
      crossings.queue(0, 1).drain(100, [&](Crossing&& crossing) {
        if (crossing.parcel->bytes()[0] == 'x') ++received;
      });
      std::this_thread::yield();
    }
  });

  for (int sent = 0; sent < kCount;) {
    Crossing crossing;
    crossing.parcel = crossings.parcels(0).take(as_bytes("xyz"), {});
    if (crossing.parcel && crossings.queue(0, 1).push(std::move(crossing))) {
      ++sent;
    } else {
      std::this_thread::yield();
    }
  }
  reader.join();

  CHECK(received == kCount);
}
