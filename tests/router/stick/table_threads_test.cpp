// Many threads on one table: run under tsan as well.
#include <doctest.h>

#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "router/stick/table.hpp"
#include "tests/support/threads.hpp"

using namespace roomgate;
using roomgate::tests::in_threads;
using namespace roomgate::router::stick;

namespace {

constexpr std::size_t kThreads = 8;
const TimePoint kStart = TimePoint() + std::chrono::hours(1);

}  // namespace

TEST_CASE("simultaneous first requests agree") {
  constexpr std::size_t rooms = 500;
  Table table;
  std::array<std::array<ShardId, rooms>, kThreads> answers;
  std::atomic<std::size_t> created{0};

  in_threads(kThreads, [&](std::size_t t) {
    for (std::size_t i = 0; i < rooms; ++i) {
      const auto found =
          table.find_or_create("room" + std::to_string(i), i % 2 == 0 ? Use::signalling : Use::page, kStart,
                               [t] { return std::optional<ShardId>(static_cast<ShardId>(t)); });
      answers[t][i] = found.ok() ? found->entry.shard : kNoShard;
      if (found.ok() && found->created) created.fetch_add(1);
    }
  });

  CHECK(created.load() == rooms);
  CHECK(table.size() == rooms);
  for (std::size_t i = 0; i < rooms; ++i) {
    for (std::size_t t = 1; t < kThreads; ++t) CHECK(answers[t][i] == answers[0][i]);
  }
}

TEST_CASE("readers see whole entries while writers create, move, hold, forget and expire") {
  Limits limits;
  limits.max_entries = 5000;  // several stripes
  Table table(limits);
  std::atomic<std::size_t> wrong{0};
  const auto key_of = [](std::size_t i) { return "a-room-with-a-longer-name-" + std::to_string(i % 300); };

  in_threads(kThreads, [&](std::size_t t) {
    TimePoint now = kStart;
    for (std::size_t i = 0; i < 4000; ++i) {
      const std::string key = key_of(i * 7 + t * 13);
      now += milliseconds(20);
      // Shard and generation always belong together: generation g is on shard g % 16.
      const auto check = [&wrong](const Entry& entry) {
        if (entry.shard != entry.generation % 16) wrong.fetch_add(1);
      };
      switch (t % 4) {
        case 0: {
          const auto found = table.find_or_create(key, i % 3 == 0 ? Use::page : Use::signalling, now,
                                                  [] { return std::optional<ShardId>(1); });
          if (found.ok()) check(found->entry);
          break;
        }
        case 1: {
          const auto found = table.find(key, now);
          if (!found) break;
          check(*found);
          table.move(key, found->shard, static_cast<ShardId>((found->generation + 1) % 16),
                     Table::MoveIf::always);
          break;
        }
        case 2:
          if (const auto held = table.hold(key, now); held.known && i % 5 != 0)
            table.unhold(key, held.serial, now);
          if (i % 50 == 0) table.forget(key);
          if (i % 500 == 0) table.tick(now + std::chrono::minutes(20));
          break;
        default: {
          if (const auto found = table.find(key, now)) check(*found);
          if (i % 400 == 0) {
            table.for_each([&check](std::string_view, const Entry& entry) { check(entry); });
          }
          break;
        }
      }
    }
  });

  CHECK(wrong.load() == 0);
  std::size_t listed = 0;
  std::size_t provisional = 0;
  table.for_each([&](std::string_view, const Entry& entry) {
    ++listed;
    provisional += entry.provisional ? 1 : 0;
  });
  CHECK(listed == table.size());
  CHECK(provisional == table.provisional());
}

TEST_CASE("threads beyond the reader slots take the lock and see the same") {
  Table table;
  REQUIRE(
      table.find_or_create("room", Use::signalling, kStart, [] { return std::optional<ShardId>(5); }).ok());
  std::atomic<std::size_t> right{0};

  in_threads(Readers::kSlots + 20, [&](std::size_t) {
    const auto found = table.find("room", kStart);
    if (found && found->shard == 5) right.fetch_add(1);
  });

  CHECK(right.load() == Readers::kSlots + 20);
}

TEST_CASE("a full table under many threads stays within its limit and never drops what is held") {
  Limits limits;
  limits.max_entries = 5000;
  Table table(limits);
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "held" + std::to_string(i);
    REQUIRE(
        table.find_or_create(key, Use::signalling, kStart, [] { return std::optional<ShardId>(0); }).ok());
    table.hold(key, kStart);
  }

  in_threads(4, [&](std::size_t t) {
    TimePoint now = kStart + std::chrono::minutes(5);
    for (int i = 0; i < 6000; ++i) {
      now += milliseconds(100);
      const auto found = table.find_or_create("t" + std::to_string(t) + "-" + std::to_string(i),
                                              Use::signalling, now, [] { return std::optional<ShardId>(1); });
      static_cast<void>(found.ok());
    }
  });

  CHECK(table.size() <= limits.max_entries);
  for (int i = 0; i < 1000; ++i) CHECK(table.peek("held" + std::to_string(i)).has_value());
  CHECK(table.rooms_on(0) == 1000);
}

// Cores use rooms on their own while a replica puts their entries anew, gives them back and decides them
// anew. Whoever was told of a room has renewed an entry that stays for as long as a use counts, however late
// its clock was: a renewal that is lost, or an answer from an entry that is on its way out, breaks that.
TEST_CASE("what a core uses on its own is never given back under it") {
  constexpr std::size_t rooms = 4;
  constexpr std::size_t cores = 4;
  constexpr std::size_t rounds = 30'000;
  Limits limits;
  limits.managed = true;
  Table table(limits);
  std::atomic<std::int64_t> clock{0};  // seconds
  const auto at = [](std::int64_t time) { return kStart + seconds(time); };
  const auto key_of = [](std::size_t room) { return "room" + std::to_string(room); };
  const auto agree = [&](std::size_t room, std::uint64_t generation) {
    Entry entry;
    entry.generation = generation;
    entry.shard = static_cast<ShardId>(generation % 16);
    table.agree(key_of(room), entry);
  };
  struct Use {
    std::size_t room;
    std::uint64_t generation;
    std::int64_t time;
  };
  std::array<std::vector<Use>, cores> uses;
  std::array<std::vector<std::int64_t>, rooms> ends;  // of each generation, from 1 on
  std::atomic<std::size_t> running{cores};
  for (std::size_t room = 0; room < rooms; ++room) agree(room, 1);

  in_threads(cores + 1, [&](std::size_t t) {
    if (t == cores) {
      for (std::size_t round = 0; running.load() > 0; ++round) {
        const std::size_t room = round % rooms;
        const std::uint64_t generation = ends[room].size() + 1;
        if (round % 3 == 0) agree(room, generation);
        const std::int64_t now = clock.load();
        if (!table.give_back(key_of(room), at(now))) continue;
        ends[room].push_back(now);
        agree(room, generation + 1);
        table.touch(key_of(room), at(now));  // somebody has asked
      }
      return;
    }
    for (std::size_t round = 0; round < rounds; ++round) {
      const std::size_t room = (round * 7 + t) % rooms;
      if (round % 16 == t) clock.fetch_add(7);
      const std::int64_t now = clock.load();
      if (const auto found = table.find_held(key_of(room), at(now))) {
        uses[t].push_back({room, found->generation, now});
      }
    }
    running.fetch_sub(1);
  });

  std::size_t too_early = 0;
  for (const auto& of_core : uses) {
    for (const Use& use : of_core) {
      const auto& ended = ends[use.room];
      if (use.generation > ended.size()) continue;
      // Times of last use are exact to a second.
      if (ended[use.generation - 1] - use.time < 89) ++too_early;
    }
  }
  CHECK(too_early == 0);
  CHECK(table.size() == rooms);
  for (std::size_t room = 0; room < rooms; ++room) {
    CHECK(table.peek(key_of(room))->generation == ends[room].size() + 1);
    CHECK(table.give_back(key_of(room), at(clock.load() + 90)));
  }
}
