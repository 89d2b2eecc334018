// What a core does to find a room that it holds, and what the replica does to take it out, step by step in
// every order in which the two can meet. (table_threads_test.cpp lets them meet by chance.)
#include <doctest.h>

#include <array>
#include <functional>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "router/stick/table.hpp"
#include "tests/router/stick/managed.hpp"

namespace roomgate::router::stick {

class TableSteps {
 public:
  using Between = std::function<void()>;
  static std::optional<Entry> find_held(Table& table, std::string_view key, TimePoint now,
                                        const Between& between) {
    return table.find_held(key, now, between);
  }
  static bool give_back(Table& table, std::string_view key, TimePoint now, const Between& between) {
    return table.give_back(key, now, between);
  }
};

}  // namespace roomgate::router::stick

using namespace roomgate;
using namespace roomgate::router::stick;
using tests::managed;

namespace {

const TimePoint kStart = TimePoint() + std::chrono::hours(1);

// Two threads of which one runs at a time, and only a step: which one, the order says.
class Turns {
 public:
  enum Who : std::size_t { core, replica };

  // Calls of one of the two; each goes on when its turn comes again.
  void begin(Who who) { sides_[who].go.acquire(); }
  void between(Who who) {
    back_.release();
    sides_[who].go.acquire();
  }
  void end(Who who) {
    sides_[who].ended = true;
    back_.release();
  }

  void step(Who who) {
    if (sides_[who].ended) return;
    sides_[who].go.release();
    back_.acquire();
  }
  void finish() {
    for (const Who who : {core, replica}) {
      while (!sides_[who].ended) step(who);
    }
  }

 private:
  struct Side {
    std::binary_semaphore go{0};
    bool ended = false;
  };
  std::array<Side, 2> sides_;
  std::binary_semaphore back_{0};
};

struct Met {
  std::optional<Entry> found;
  bool gave_back = false;
  bool is_there = false;
};

Met meet(const std::vector<Turns::Who>& order, TimePoint core_now, TimePoint replica_now) {
  Table table(managed());
  Entry entry;
  entry.shard = 3;
  table.agree("room", entry);
  table.touch("room", kStart);
  Turns turns;
  Met met;
  std::thread core([&] {
    turns.begin(Turns::core);
    met.found = TableSteps::find_held(table, "room", core_now, [&turns] { turns.between(Turns::core); });
    turns.end(Turns::core);
  });
  std::thread replica([&] {
    turns.begin(Turns::replica);
    met.gave_back =
        TableSteps::give_back(table, "room", replica_now, [&turns] { turns.between(Turns::replica); });
    turns.end(Turns::replica);
  });
  for (const Turns::Who who : order) turns.step(who);
  turns.finish();
  core.join();
  replica.join();
  met.is_there = table.peek("room").has_value();
  return met;
}

// All orders of three steps of each.
std::vector<std::vector<Turns::Who>> all_orders() {
  std::vector<std::vector<Turns::Who>> orders;
  for (unsigned bits = 0; bits < 64; ++bits) {
    std::vector<Turns::Who> order;
    int of_core = 0;
    for (unsigned at = 0; at < 6; ++at) {
      const bool core = (bits >> at & 1) != 0;
      order.push_back(core ? Turns::core : Turns::replica);
      of_core += core ? 1 : 0;
    }
    if (of_core == 3) orders.push_back(std::move(order));
  }
  return orders;
}

std::string to_text(const std::vector<Turns::Who>& order) {
  std::string text;
  for (const Turns::Who who : order) text += who == Turns::core ? 'c' : 'r';
  return text;
}

}  // namespace

TEST_CASE("in whichever order their steps meet, what a core has found is not given back") {
  // A core whose clock is late finds the entry used 79 s ago; by the replica's it is 95 s.
  const TimePoint late = kStart + seconds(79);
  const TimePoint now = kStart + seconds(95);
  std::size_t found = 0;
  std::size_t given_back = 0;
  REQUIRE(all_orders().size() == 20);

  for (const auto& order : all_orders()) {
    CAPTURE(to_text(order));
    const Met met = meet(order, late, now);

    CHECK_FALSE((met.found && met.gave_back));
    CHECK(met.is_there == !met.gave_back);
    if (met.found) CHECK(met.found->shard == 3);
    found += met.found ? 1U : 0U;
    given_back += met.gave_back ? 1U : 0U;
  }

  CHECK(found > 0);
  CHECK(given_back > 0);
}

TEST_CASE("an entry that the replica finds held after all is found again") {
  for (const auto& order : all_orders()) {
    CAPTURE(to_text(order));

    const Met met = meet(order, kStart + seconds(50), kStart + seconds(60));

    CHECK_FALSE(met.gave_back);
    CHECK(met.is_there);
  }
}
