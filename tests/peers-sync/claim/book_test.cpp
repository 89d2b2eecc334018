#include "peers-sync/claim/book.hpp"

#include <doctest/doctest.h>
#include <malloc.h>

#include <algorithm>
#include <functional>
#include <set>

#include "peers-sync/claim/status.hpp"

using namespace roomgate;
using namespace roomgate::peers_sync;
using namespace roomgate::peers_sync::claim;

namespace {

constexpr TimePoint kNow = TimePoint{} + std::chrono::hours(1000);

Home home(std::string shard, std::uint64_t generation, Duration age = seconds(1)) {
  return {.shard = std::move(shard), .generation = generation, .created = kNow - age};
}

}  // namespace

TEST_CASE("the higher generation wins, whichever comes first") {
  Book book({}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");

  CHECK(book.entry(room, home("s1", 2), {b, 1}) == Book::Effect::home);
  CHECK(book.entry(room, home("s2", 1), {b, 2}) == Book::Effect::none);
  CHECK(book.shard_of(room) == "s1");
  CHECK(book.entry(room, home("s2", 3), {b, 3}) == Book::Effect::moved);
  CHECK(book.entry(room, home("s2", 4), {b, 4}) == Book::Effect::better);
  CHECK(book.home_of(room).generation == 4);
  CHECK(book.homes() == 1);
}

TEST_CASE("a tombstone beats entries up to its generation, and no later one") {
  Book book({}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");

  CHECK(book.tombstone(room, 2, kNow, {b, 1}) == Book::Effect::none);
  CHECK(book.entry(room, home("s1", 2), {b, 2}) == Book::Effect::none);
  CHECK(book.entry(room, home("s1", 3), {b, 3}) == Book::Effect::home);
  CHECK(book.tombstone(room, 2, kNow, {b, 4}) == Book::Effect::none);
  CHECK(room.has_home());
  CHECK(book.tombstone(room, 3, kNow, {b, 5}) == Book::Effect::released);
  CHECK(book.homes() == 0);
}

TEST_CASE("two homes of one generation are a conflict until there is a higher one") {
  Book book({}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");
  book.entry(room, home("s1", 1), {kSelf, book.next_number()});

  CHECK(book.entry(room, home("s2", 1), {b, 1}) == Book::Effect::conflict);
  CHECK(book.entry(room, home("s2", 1), {b, 1}) == Book::Effect::none);
  CHECK(book.shard_of(room) == "s1");
  REQUIRE(book.conflicts().size() == 1);
  CHECK(book.conflicts().begin()->second[0].shard == "s2");

  CHECK(book.entry(room, home("s2", 2), {b, 2}) == Book::Effect::moved);
  CHECK(book.conflicts().empty());
  CHECK_FALSE(room.conflict);
  CHECK(book.conflicts_found() == 1);
}

TEST_CASE("what was said comes to the same in every order") {
  using Step = std::function<void(Book&, Room&, LifeIndex, LifeIndex)>;
  std::vector<Step> steps = {[](Book& k, Room& r, LifeIndex b, LifeIndex) {
                               k.entry(r, home("s1", 1), {b, 1});
                             },
                             [](Book& k, Room& r, LifeIndex, LifeIndex c) {
                               k.tombstone(r, 1, kNow, {c, 1});
                             },
                             [](Book& k, Room& r, LifeIndex, LifeIndex c) {
                               k.entry(r, home("s2", 2), {c, 2});
                             },
                             [](Book& k, Room& r, LifeIndex b, LifeIndex) {
                               k.hold(r,
                                      {.gate = b, .shard = short_hash("s2"), .generation = 2, .number = 2});
                             },
                             [](Book& k, Room& r, LifeIndex b, LifeIndex) {
                               k.entry(r, home("s3", 3), {b, 3});
                             }};
  std::vector<std::size_t> order = {0, 1, 2, 3, 4};

  do {
    Book book({}, {"a", 1});
    const LifeIndex b = book.life({"b", 1});
    const LifeIndex c = book.life({"c", 1});
    Room& room = book.make("room");
    for (const std::size_t step : order) steps[step](book, room, b, c);
    for (const std::size_t step : order) steps[step](book, room, b, c);  // and once more

    REQUIRE(book.home_of(room) == home("s3", 3));
    REQUIRE(book.held(room, kNow));
    REQUIRE(room.holders.size() == 1);
    REQUIRE(book.homes() == 1);
    REQUIRE(book.conflicts().empty());
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("without the rule of generations the last to come wins: what the simulation has to find") {
  Book book({.generations = false}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");
  book.entry(room, home("s1", 2), {b, 1});

  book.entry(room, home("s2", 1), {b, 2});

  CHECK(book.shard_of(room) == "s2");
}

TEST_CASE("a hold counts while its gate lives and for the grace after it") {
  Book book({.reconnect_grace = seconds(120)}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");
  book.entry(room, home("s1", 1), {b, 1});

  CHECK(book.hold(room, {.gate = b, .generation = 1, .number = 5}));
  CHECK_FALSE(book.hold(room, {.gate = b, .generation = 1, .number = 4}));
  CHECK(book.held(room, kNow));
  CHECK_FALSE(book.held(room, kNow, b));
  book.at(b).gone = kNow;
  CHECK(book.held(room, kNow + seconds(119)));
  CHECK_FALSE(book.held(room, kNow + seconds(120)));

  CHECK_FALSE(book.unhold(room, b, 5, kNow));
  CHECK(book.unhold(room, b, 6, kNow + seconds(3)));
  CHECK(room.holders.empty());
  CHECK(room.last_use == kNow + seconds(3));
}

TEST_CASE("our log has of each room and kind the newest only") {
  Book book({}, {"a", 1});
  const auto alive = [&] {
    std::vector<std::uint64_t> numbers;
    book.at(kSelf).log.after(0, [&](const LogItem& item) {
      if (book.alive(kSelf, item)) numbers.push_back(item.number);
      return true;
    });
    return numbers;
  };
  Room& room = book.make("room");
  book.entry(room, home("s1", 1), {kSelf, book.next_number()});                       // 1
  book.hold(room, {.gate = kSelf, .generation = 1, .number = book.next_number()});    // 2
  book.word({.name = "w", .value = "1", .version = 1}, {kSelf, book.next_number()});  // 3
  CHECK(alive() == std::vector<std::uint64_t>{1, 2, 3});

  book.entry(room, home("s2", 2), {kSelf, book.next_number()});                       // 4
  book.unhold(room, kSelf, book.next_number(), kNow);                                 // 5
  book.word({.name = "w", .value = "2", .version = 2}, {kSelf, book.next_number()});  // 6
  CHECK(alive() == std::vector<std::uint64_t>{4, 5, 6});
}

TEST_CASE("what a gate that is gone said can be said again, and is forgotten with it") {
  Book book({}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");
  book.entry(room, home("s1", 1), {b, 1});
  book.hold(room, {.gate = b, .generation = 1, .number = 2});

  book.entry_again(room, book.next_number());
  book.note_again(room, b, book.next_number());

  std::vector<LogItem::Kind> kinds;
  book.at(kSelf).log.after(0, [&](const LogItem& item) {
    if (book.alive(kSelf, item)) kinds.push_back(item.kind);
    return true;
  });
  CHECK(kinds == std::vector{LogItem::Kind::entry, LogItem::Kind::hold});
  CHECK(room.said_again);

  book.forget_life(b);
  CHECK(room.holders.empty());
  CHECK(room.has_home());
  CHECK(book.life({"c", 1}) == b);
}

TEST_CASE("a tombstone and an unknown room go in time, and their place is used again") {
  Book book({.tombstone_life = std::chrono::hours(1)}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  Room& room = book.make("room");
  const RoomId id = room.id;
  book.entry(room, home("s1", 1), {b, 1});
  CHECK_FALSE(book.tidy(id, kNow));
  book.tombstone(room, 1, kNow, {b, 2});
  CHECK_FALSE(book.tidy(id, kNow + std::chrono::minutes(59)));

  CHECK(book.tidy(id, kNow + std::chrono::minutes(60)));
  CHECK(book.find("room") == nullptr);
  Room& next = book.make("next");
  CHECK(next.id == id);
  std::size_t alive = 0;
  book.at(b).log.after(0, [&](const LogItem& item) {
    alive += book.alive(b, item) ? 1U : 0U;
    return true;
  });
  CHECK(alive == 0);
}

TEST_CASE("changes come in the order of the last one of each room") {
  Book book({}, {"a", 1});
  for (const char* key : {"one", "two", "three"}) {
    book.entry(book.make(key), home("s1", 1), {kSelf, book.next_number()});
  }
  book.entry(*book.find("one"), home("s1", 2), {kSelf, book.next_number()});

  std::vector<std::string> keys;
  std::uint64_t last = 0;
  book.changed_since(1, [&](const Room& room, std::uint64_t position) {
    keys.push_back(room.key);
    last = position;
    return true;
  });

  CHECK(keys == std::vector<std::string>{"two", "three", "one"});
  CHECK(last == book.last_change());
}

TEST_CASE("a room costs no more memory than is said") {
  const auto in_use = [] { return mallinfo2().uordblks + mallinfo2().hblkhd; };
  Book book({}, {"a", 1});
  const LifeIndex b = book.life({"b", 1});
  constexpr std::size_t kRooms = 200'000;
  const std::size_t before = in_use();

  for (std::size_t n = 0; n < kRooms; ++n) {
    Room& room = book.make("a room's name " + std::to_string(n));  // 20 characters
    book.entry(room, home("shard-1", 1), {b, 2 * n + 1});
    book.hold(room, {.gate = b, .generation = 1, .number = 2 * n + 2});
  }

  const std::size_t each = (in_use() - before) / kRooms;
  MESSAGE(each << " bytes a room");
#if !defined(__SANITIZE_ADDRESS__)
  CHECK(each > 100);
  CHECK(each < 500);
#endif
}
