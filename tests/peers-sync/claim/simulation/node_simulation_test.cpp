// Whole gates against chaos. What must hold: town.hpp.
#include <doctest/doctest.h>

#include "tests/peers-sync/claim/simulation/seeds.hpp"
#include "tests/peers-sync/claim/simulation/town.hpp"

using namespace roomgate::peers_sync::claim;
using namespace roomgate::peers_sync::claim::simulation;

using Profile = Town::Profile;

TEST_CASE("simulation: rooms have one home, and keep it while they are used") {
  std::uint64_t answers = 0;
  std::uint64_t splits = 0;
  for (const std::uint64_t seed : seeds(40)) {
    Town town(seed, {}, verbose());

    const std::string wrong = town.run();

    CHECK_MESSAGE(wrong.empty(), "SIMULATION_SEED=" << seed << " " << wrong);
    answers += town.answers();
    splits += town.splits();
  }
  // Otherwise nothing was seen of what partitions leave, and how it ends.
  CHECK(answers > 0);
  MESSAGE(answers << " answers, " << splits << " times two homes, while gates were apart");
}

TEST_CASE("simulation: what an owner told one gate before it died, its heir says too") {
  for (const std::uint64_t seed : seeds(10)) {
    const std::string wrong = Town(seed, {}, verbose(), Profile::heirs).run();

    CHECK_MESSAGE(wrong.empty(), "SIMULATION_SEED=" << seed << " " << wrong);
  }
}

TEST_CASE("simulation: a room that is used again just before it is idle is not released") {
  for (const std::uint64_t seed : seeds(10)) {
    const std::string wrong = Town(seed, {}, verbose(), Profile::brink).run();

    CHECK_MESSAGE(wrong.empty(), "SIMULATION_SEED=" << seed << " " << wrong);
  }
}

// A simulation that finds nothing proves nothing: without any one of the rules it has to see what that rule
// is for, and nothing in the same worlds with it.
namespace {

// Of seeds that end with another message the search goes on: the one asked for is that rule's own.
void check_caught(Rules rules, Profile profile, const std::string& what, std::uint64_t most) {
  for (std::uint64_t seed = 1; seed <= most; ++seed) {
    const std::string wrong = Town(seed, rules, false, profile).run();
    if (wrong.find(what) == std::string::npos) continue;
    MESSAGE("SIMULATION_SEED=" << seed << " " << wrong);
    CHECK(Town(seed, {}, false, profile).run() == "");
    return;
  }
  FAIL_CHECK("none of " << most << " seeds says: " << what);
}

}  // namespace

TEST_CASE("simulation: without leases views that overlap decide") {
  check_caught({.lease = false}, Profile::mixed, "decide in views that overlap", 100);
}

TEST_CASE("simulation: without inheritance an heir contradicts what was told") {
  check_caught({.inheritance = false}, Profile::heirs, "in touch with it ever since, said", 20);
}

TEST_CASE("simulation: without generations tables do not agree") {
  check_caught({.generations = false}, Profile::mixed, ") for gate-", 100);
}

TEST_CASE("simulation: without the word of all rooms in use are released") {
  check_caught({.release_by_all = false}, Profile::brink, "is in use at", 20);
}

TEST_CASE("simulation: without a majority rooms in use are moved") {
  check_caught({.majority_moves = false}, Profile::mixed, "is in use at", 200);
}
