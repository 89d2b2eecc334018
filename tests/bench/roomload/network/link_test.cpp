#include "bench/roomload/network/link.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::bench::roomload::network;

namespace {

const TimePoint kStart{seconds(50)};

struct Arrived {
  std::uint32_t number = 0;
  TimePoint at;
  friend bool operator==(const Arrived&, const Arrived&) = default;
};

// Pushes `count` datagrams of 1000 bytes, one each `every`, and lets all arrive.
std::vector<Arrived> run(Link& link, std::uint32_t count, Duration every, TimePoint start = kStart) {
  std::vector<Arrived> out;
  const auto pop = [&](TimePoint now) {
    link.pop(now, [&](ByteSpan datagram, TimePoint due) {
      REQUIRE(datagram.size() == 1000);
      out.push_back({load32(datagram.data()), due});
    });
  };
  std::vector<std::uint8_t> datagram(1000);
  for (std::uint32_t i = 0; i < count; ++i) {
    const TimePoint now = start + every * i;
    pop(now);
    store32(datagram.data(), i);
    link.push(datagram, now);
  }
  while (const auto due = link.next_due()) pop(*due);
  return out;
}

}  // namespace

TEST_CASE("a link without any impairment gives at once what it was given") {
  Link link({}, 1);
  CHECK(link.transparent());

  const auto arrived = run(link, 100, milliseconds(1));

  REQUIRE(arrived.size() == 100);
  for (std::uint32_t i = 0; i < 100; ++i) CHECK(arrived[i] == Arrived{i, kStart + milliseconds(i)});
}

TEST_CASE("delay and jitter stay within their bounds and keep the order") {
  Link link({.delay = milliseconds(40), .jitter = milliseconds(10)}, 1);

  const auto arrived = run(link, 1000, milliseconds(20));

  REQUIRE(arrived.size() == 1000);
  Duration least = seconds(1);
  Duration most{};
  for (std::uint32_t i = 0; i < 1000; ++i) {
    REQUIRE(arrived[i].number == i);
    const Duration took = arrived[i].at - (kStart + milliseconds(20) * i);
    least = std::min(least, took);
    most = std::max(most, took);
  }
  CHECK(least >= milliseconds(40));
  CHECK(least < milliseconds(41));
  CHECK(most > milliseconds(49));
  CHECK(most <= milliseconds(50));
}

TEST_CASE("loses the share it is told to, alone or in bursts") {
  Link alone({.loss = 0.05}, 7);
  CHECK(run(alone, 20000, milliseconds(1)).size() == doctest::Approx(19000).epsilon(0.01));

  Link bursts({.burst = 0.01, .burst_length = 5}, 7);
  const auto arrived = run(bursts, 20000, milliseconds(1));
  std::size_t gaps = 0;
  for (std::size_t i = 1; i < arrived.size(); ++i)
    gaps += arrived[i].number != arrived[i - 1].number + 1 ? 1 : 0;
  const double length = static_cast<double>(20000 - arrived.size()) / static_cast<double>(gaps);
  CHECK(length == doctest::Approx(5).epsilon(0.25));
}

TEST_CASE("reorders and duplicates the shares it is told to") {
  Link link({.delay = milliseconds(10), .reorder = 0.1, .reorder_by = milliseconds(5), .duplicate = 0.02}, 7);

  const auto arrived = run(link, 10000, milliseconds(1));

  std::size_t behind = 0;
  for (std::size_t i = 1; i < arrived.size(); ++i)
    behind += arrived[i].number < arrived[i - 1].number ? 1 : 0;
  CHECK(arrived.size() == doctest::Approx(10200).epsilon(0.01));
  CHECK(behind == doctest::Approx(1000).epsilon(0.2));
}

TEST_CASE("a rate lets no more through, and its queue is bounded") {
  // 1000 datagrams of 8000 bits a second is eight times the rate.
  Link link({.bits_per_second = 1'000'000, .queue = milliseconds(100)}, 1);

  const auto arrived = run(link, 10000, milliseconds(1));

  CHECK(arrived.size() == doctest::Approx(1262).epsilon(0.01));
  for (std::size_t i = 1; i < arrived.size(); ++i)
    CHECK(arrived[i].at - arrived[i - 1].at >= milliseconds(8));
  for (const Arrived& a : arrived) CHECK(a.at - (kStart + milliseconds(a.number)) <= milliseconds(108));
  CHECK(link.counts().overflowed == 10000 - arrived.size());
}

TEST_CASE("the same seed does the same, another does not") {
  const Impairment impairment = find_profile("wifi")->down;
  Link one(impairment, 3);
  Link same(impairment, 3);
  Link other(impairment, 4);

  const auto first = run(one, 2000, milliseconds(2));

  CHECK(run(same, 2000, milliseconds(2)) == first);
  CHECK(run(other, 2000, milliseconds(2)) != first);
}

TEST_CASE("memory is bounded: a flood overflows") {
  Link link({.delay = seconds(60)}, 1);
  std::vector<std::uint8_t> datagram(1000);

  for (int i = 0; i < 20000; ++i) link.push(datagram, kStart);
  link.push(std::vector<std::uint8_t>(3000), kStart);

  CHECK(link.counts().overflowed == 20001 - 8192);
  CHECK(run(link, 0, {}).size() == 8192);
}

TEST_CASE("a change holds from the next datagram on") {
  Link link({.delay = milliseconds(10)}, 1);
  run(link, 10, milliseconds(1));

  link.change({.delay = milliseconds(200)});

  CHECK(run(link, 1, {}, kStart + seconds(1))[0].at == kStart + milliseconds(1200));
}

TEST_CASE("the known networks have names of their own and sensible values") {
  CHECK(find_profile("lte"));
  CHECK_FALSE(find_profile("LTE"));
  for (const Profile& profile : profiles()) {
    CAPTURE(profile.name);
    CHECK(find_profile(profile.name)->words == profile.words);
    for (const Impairment& way : {profile.up, profile.down}) {
      CHECK(way.loss < 0.2);
      // A rate without a queue would drop every second packet of a burst.
      CHECK((way.bits_per_second == 0 || way.queue > Duration{}));
    }
  }
}
