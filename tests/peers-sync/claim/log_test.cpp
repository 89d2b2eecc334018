#include "peers-sync/claim/log.hpp"

#include <doctest/doctest.h>

#include <map>

using namespace roomgate::peers_sync::claim;

namespace {

std::vector<std::uint64_t> numbers_after(const Log& log, std::uint64_t number) {
  std::vector<std::uint64_t> numbers;
  log.after(number, [&](const LogItem& item) {
    numbers.push_back(item.number);
    return true;
  });
  return numbers;
}

}  // namespace

TEST_CASE("a log gives what is behind a number, in order, until it is enough") {
  Log log;
  for (const std::uint64_t number : {2U, 3U, 5U, 9U}) log.add({.number = number});

  CHECK(numbers_after(log, 0) == std::vector<std::uint64_t>{2, 3, 5, 9});
  CHECK(numbers_after(log, 3) == std::vector<std::uint64_t>{5, 9});
  CHECK(numbers_after(log, 4) == std::vector<std::uint64_t>{5, 9});
  CHECK(numbers_after(log, 9).empty());
  std::size_t seen = 0;
  log.after(0, [&](const LogItem&) { return ++seen < 2; });
  CHECK(seen == 2);
}

TEST_CASE("items of a lesson come in any order") {
  Log log;
  for (const std::uint64_t number : {7U, 3U, 9U, 1U}) log.add({.number = number});

  CHECK(numbers_after(log, 2) == std::vector<std::uint64_t>{3, 7, 9});
}

TEST_CASE("a log is as long as there is to say, however often it was said") {
  Log log;
  std::map<std::uint32_t, std::uint64_t> newest;
  const auto alive = [&](const LogItem& item) { return newest[item.what] == item.number; };

  for (std::uint64_t number = 1; number <= 100'000; ++number) {
    const auto room = static_cast<std::uint32_t>(number % 100);
    const bool before = newest.contains(room);
    newest[room] = number;
    log.add({.number = number, .what = room});
    if (before) log.died(alive);
  }

  CHECK(log.size() < 4096);
  std::size_t living = 0;
  log.after(0, [&](const LogItem& item) {
    living += alive(item) ? 1U : 0U;
    return true;
  });
  CHECK(living == 100);
}
