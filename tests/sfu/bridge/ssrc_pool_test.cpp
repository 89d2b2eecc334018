#include "sfu/bridge/ssrc_pool.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>
#include <set>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

constexpr TimePoint kNow{seconds(1000)};
constexpr Duration kGrace = milliseconds(200);

SsrcPool make(std::size_t slots, bool with_rtx = true) {
  return SsrcPool({.slots = slots, .with_rtx = with_rtx, .grace = kGrace},
                  [](std::uint32_t) { return false; });
}

std::optional<TimePoint> nobody(const SsrcPool::Slot&) { return std::nullopt; }
std::optional<TimePoint> by_wish(const SsrcPool::Slot& slot) { return slot.last_wanted; }

std::vector<std::uint32_t> opened(SsrcPool& pool, TimePoint now) {
  std::vector<std::uint32_t> out;
  pool.open_due(now, [&](std::uint32_t source) { out.push_back(source); });
  return out;
}

}  // namespace

TEST_CASE("a pool never has more slots than it may, and every SSRC is another") {
  SsrcPool pool = make(5);
  std::set<std::uint32_t> ssrcs;

  for (std::uint32_t source = 1; source <= 5; ++source) REQUIRE(pool.take(source, nobody));
  const auto sixth = pool.take(6, nobody);

  CHECK_FALSE(sixth);
  CHECK(pool.slots().size() == 5);
  for (const SsrcPool::Slot& slot : pool.slots()) {
    CHECK(slot.ids.ssrc != 0);
    CHECK(slot.ids.rtx != 0);
    ssrcs.insert({slot.ids.ssrc, slot.ids.rtx});
  }
  CHECK(ssrcs.size() == 10);
}

TEST_CASE("an SSRC that somebody else has is not drawn") {
  std::vector<std::uint32_t> refused;
  SsrcPool pool({.slots = 1, .with_rtx = false}, [&](std::uint32_t ssrc) {
    if (refused.size() == 3) return false;
    refused.push_back(ssrc);
    return true;
  });

  const auto taken = pool.take(1, nobody);

  REQUIRE(taken);
  CHECK(refused.size() == 3);
  for (const std::uint32_t ssrc : refused) CHECK(taken->slot->ids.ssrc != ssrc);
  CHECK(taken->slot->ids.rtx == 0);
}

TEST_CASE("what a slot stands for is found both ways, and is gone when it was given back") {
  SsrcPool pool = make(3);
  pool.take(11, nobody);
  pool.take(22, nobody);
  const std::uint32_t ssrc = pool.held_by(22)->ids.ssrc;

  CHECK(pool.holder_of(ssrc) == 22);
  pool.release(22);
  CHECK(pool.holder_of(ssrc) == 0);
  CHECK(pool.held_by(22) == nullptr);
  CHECK(pool.held_by(0) == nullptr);
  CHECK(pool.holder_of(0) == 0);
}

TEST_CASE("a slot that the client knows is used before a new one") {
  SsrcPool pool = make(3);
  const std::uint32_t ssrc = pool.take(1, nobody)->slot->ids.ssrc;
  pool.release(1);

  const auto taken = pool.take(2, nobody);

  REQUIRE(taken);
  CHECK(taken->slot->ids.ssrc == ssrc);
  CHECK(taken->evicted == 0);
  CHECK(pool.slots().size() == 1);
}

TEST_CASE("the place of whoever was wanted the longest ago is taken, and of nobody who stays") {
  SsrcPool pool = make(3);
  for (const std::uint32_t source : {1, 2, 3}) pool.take(source, nobody);
  pool.want(1, kNow + seconds(3));
  pool.want(2, kNow + seconds(1));
  pool.want(3, kNow + seconds(2));

  CHECK(pool.take(4, by_wish)->evicted == 2);
  pool.want(4, kNow + seconds(9));
  CHECK(pool.take(5, by_wish)->evicted == 3);
  pool.want(5, kNow + seconds(9));
  const auto unless_one = [](const SsrcPool::Slot& slot) {
    return slot.holder == 1 ? std::nullopt : std::optional(slot.last_wanted);
  };
  CHECK(pool.take(6, unless_one)->evicted == 4);
  CHECK(pool.held_by(1) != nullptr);
}

TEST_CASE("nothing is open before its map was written, and an unheard-of SSRC a little later") {
  SsrcPool pool = make(1);
  pool.take(1, nobody);
  CHECK(pool.unwritten());
  CHECK(opened(pool, kNow + seconds(60)).empty());

  pool.on_written(pool.map(), kNow);
  CHECK_FALSE(pool.unwritten());
  CHECK(opened(pool, kNow + kGrace - milliseconds(1)).empty());
  CHECK(opened(pool, kNow + kGrace) == std::vector<std::uint32_t>{1});
  CHECK(opened(pool, kNow + kGrace).empty());
  CHECK(pool.held_by(1)->open);

  pool.take(2, by_wish);
  CHECK_FALSE(pool.held_by(2)->open);
  CHECK(pool.unwritten());
  pool.on_written(pool.map(), kNow + seconds(5));
  CHECK(opened(pool, kNow + seconds(5)) == std::vector<std::uint32_t>{2});
}

TEST_CASE("a map opens only what it says: an older one does not open a newer holder") {
  SsrcPool pool = make(2);
  pool.take(1, nobody);
  const std::uint64_t first = pool.map();
  pool.take(2, nobody);

  pool.on_written(first, kNow);
  CHECK(pool.unwritten());
  CHECK(opened(pool, kNow + seconds(1)) == std::vector<std::uint32_t>{1});

  pool.on_written(pool.map() + 1, kNow);  // one that was never made
  CHECK(pool.unwritten());
  CHECK(opened(pool, kNow + seconds(1)).empty());

  pool.on_written(pool.map(), kNow + seconds(1));
  CHECK(opened(pool, kNow + seconds(2)) == std::vector<std::uint32_t>{2});
}

TEST_CASE("told again, an open slot stays open") {
  SsrcPool pool = make(1);
  pool.take(1, nobody);
  pool.on_written(pool.map(), kNow);
  opened(pool, kNow + kGrace);

  pool.say_again();
  CHECK(pool.unwritten());
  CHECK(pool.held_by(1)->open);
  pool.on_written(pool.map(), kNow + seconds(1));
  CHECK_FALSE(pool.unwritten());
  CHECK(opened(pool, kNow + seconds(2)).empty());
}

TEST_CASE("a map is told once, and is unwritten until the client has it") {
  SsrcPool pool = make(2);
  CHECK_FALSE(pool.untold());
  pool.take(1, nobody);
  CHECK(pool.untold());
  pool.on_told();
  CHECK_FALSE(pool.untold());
  CHECK(pool.unwritten());
  pool.take(2, nobody);
  CHECK(pool.untold());
}

TEST_CASE("whatever is taken, given back and written, one source has one slot and no SSRC changes") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    SsrcPool pool = make(std::size_t{1} + random() % 8);
    std::vector<std::uint32_t> ssrcs;
    for (int step = 0; step < 400; ++step) {
      const auto source = static_cast<std::uint32_t>(1 + random() % 12);
      const TimePoint now = kNow + step * milliseconds(50);
      switch (random() % 4) {
        case 0: pool.release(source); break;
        case 1: pool.on_written(random() % (pool.map() + 2), now); break;
        case 2: pool.want(source, now); break;
        default:
          if (pool.held_by(source) == nullptr) REQUIRE(pool.take(source, by_wish));
      }
      pool.open_due(now, [&](std::uint32_t holder) { REQUIRE(pool.held_by(holder)->map <= pool.map()); });

      std::map<std::uint32_t, int> held;
      REQUIRE(pool.slots().size() <= pool.most());
      for (std::size_t i = 0; i < pool.slots().size(); ++i) {
        const SsrcPool::Slot& slot = pool.slots()[i];
        if (i == ssrcs.size()) ssrcs.push_back(slot.ids.ssrc);
        REQUIRE(slot.ids.ssrc == ssrcs[i]);
        if (slot.holder != 0) REQUIRE(++held[slot.holder] == 1);
        REQUIRE_FALSE((slot.holder == 0 && slot.open));
      }
    }
  }
}
