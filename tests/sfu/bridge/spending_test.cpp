#include "sfu/bridge/spending.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace roomgate;
using namespace roomgate::sfu::bridge;

namespace {

// Three layers of 100, 400 and 1500.
LayerOptions camera() {
  LayerOptions options;
  options.add({{0, 7}, 180, 100});
  options.add({{1, 7}, 360, 400});
  options.add({{2, 7}, 720, 1500});
  return options;
}
Claim claim(int held = -1, bool on_stage = false) { return {camera(), on_stage, held}; }

using Chosen = std::vector<int>;

}  // namespace

TEST_CASE("without a budget everybody gets what it wants") {
  const std::vector<Claim> claims = {claim(), claim()};

  const Spending out = spend(claims, {.may_rise = false});

  CHECK(out.chosen == Chosen{2, 2});
  CHECK(out.complete);
  CHECK(out.spent == 3000);
}

TEST_CASE("who is on stage gets all it wants before the others get anything") {
  const std::vector<Claim> claims = {claim(-1, true), claim(), claim()};

  CHECK(spend(claims, {1700 * kRiseMargin}).chosen == Chosen{2, 0, 0});
  CHECK(spend(claims, {1600 * kRiseMargin}).chosen == Chosen{2, 0, -1});
  CHECK(spend(claims, {1000 * kRiseMargin}).chosen == Chosen{1, 1, 0});
}

TEST_CASE("the others get their cheapest layer each, then one step at a time in their order") {
  const std::vector<Claim> claims = {claim(), claim(), claim()};

  CHECK(spend(claims, {250 * kRiseMargin}).chosen == Chosen{0, 0, -1});
  CHECK(spend(claims, {599 * kRiseMargin}).chosen == Chosen{0, 0, 0});
  CHECK(spend(claims, {900 * kRiseMargin}).chosen == Chosen{1, 1, 0});
  CHECK(spend(claims, {2300 * kRiseMargin + 1}).chosen == Chosen{2, 1, 1});
}

TEST_CASE("keeping a layer needs no margin, a better one does") {
  CHECK(spend(std::vector{claim(1)}, {400}).chosen == Chosen{1});
  CHECK(spend(std::vector{claim(0)}, {400}).chosen == Chosen{0});
  CHECK(spend(std::vector{claim(0)}, {400 * kRiseMargin}).chosen == Chosen{1});
}

TEST_CASE("while nobody may rise who has nothing may still begin, and falling is at once") {
  const std::vector<Claim> claims = {claim(0), claim(-1), claim(2)};

  const Spending enough = spend(claims, {100'000, false});
  CHECK(enough.chosen == Chosen{0, 0, 2});
  CHECK_FALSE(enough.fell);

  const Spending thin = spend(claims, {700, false});
  CHECK(thin.chosen == Chosen{0, 0, 1});
  CHECK(thin.fell);
  CHECK_FALSE(thin.complete);
}

TEST_CASE("with nothing to spend nobody is sent, and what all would cost is still told") {
  const Spending out = spend(std::vector{claim(1), claim()}, {0.0});

  CHECK(out.chosen == Chosen{-1, -1});
  CHECK(out.ideal == 3000);
  CHECK(out.spent == 0);
}

TEST_CASE("after a fall nobody rises for a while, and for longer when a rise was the reason") {
  RiseHold hold;
  TimePoint now{seconds(100)};
  CHECK(hold.may_rise(now));

  hold.on_spent({.fell = true, .fell_far = true}, now);
  CHECK_FALSE(hold.may_rise(now + milliseconds(1999)));
  CHECK(hold.may_rise(now + seconds(2)));

  now += seconds(2);
  hold.on_spent({.rose = true}, now);
  now += seconds(1);
  hold.on_spent({.fell = true, .fell_far = true}, now);
  CHECK_FALSE(hold.may_rise(now + milliseconds(2999)));
  CHECK(hold.may_rise(now + seconds(3)));
}

TEST_CASE(
    "several falls in a row are charged with the rise before them once, and a loss of motion is no flicker") {
  RiseHold hold;
  TimePoint now{seconds(100)};
  hold.on_spent({.rose = true}, now);
  hold.on_spent({.fell = true, .fell_far = true}, now += seconds(1));
  hold.on_spent({.fell = true, .fell_far = true}, now += milliseconds(300));
  hold.on_spent({.fell = true, .fell_far = true}, now += milliseconds(300));
  CHECK_FALSE(hold.may_rise(now + milliseconds(2999)));
  CHECK(hold.may_rise(now + seconds(3)));

  now += seconds(30);
  hold.on_spent({.rose = true}, now);
  hold.on_spent({.fell = true}, now += seconds(1));
  CHECK(hold.may_rise(now + seconds(2)));
}

TEST_CASE("what falls only in motion has not fallen far") {
  Claim both = claim(2);
  both.options = {};
  both.options.add({{0, 1}, 180, 50});
  both.options.add({{0, 7}, 180, 100});
  both.options.add({{1, 7}, 360, 400});

  both.held = 1;
  CHECK(spend(std::vector{both}, {60}).fell);
  CHECK_FALSE(spend(std::vector{both}, {60}).fell_far);
  both.held = 2;
  CHECK(spend(std::vector{both}, {120}).fell_far);
  CHECK(spend(std::vector{both}, {10}).fell_far);
}

TEST_CASE("the most important picture is kept at its cheapest when a little more than there is would do") {
  const std::vector<Claim> claims = {claim(2, true), claim(0)};

  const Spending kept = spend(claims, {70, false});

  CHECK(kept.chosen == Chosen{0, -1});
  CHECK(kept.spent == 100);
  CHECK(kept.fell);
  CHECK_FALSE(kept.complete);
  CHECK(spend(claims, {66, false}).chosen == Chosen{-1, -1});
}

TEST_CASE("a picture that is kept beyond the budget is not taken for all that is wanted") {
  Claim single = claim(0);
  single.options = {};
  single.options.add({{0, 7}, 720, 1000});

  CHECK_FALSE(spend(std::vector{single}, {900}).complete);
  CHECK(spend(std::vector{single}, {1000}).complete);
}

TEST_CASE("a picture begins when there is what it costs, and needs no margin when it is the only one") {
  CHECK(spend(std::vector{claim()}, {99}).chosen == Chosen{-1});
  CHECK(spend(std::vector{claim()}, {100}).chosen == Chosen{0});
  CHECK(spend(std::vector{claim(), claim()}, {114}).chosen == Chosen{0, -1});
}

TEST_CASE("on an untried path the most important picture begins at its cheapest, whatever that costs") {
  const std::vector<Claim> claims = {claim(-1, true), claim()};

  const Spending out = spend(claims, {.bitrate = 10, .untried = true});

  CHECK(out.chosen == Chosen{0, -1});
  CHECK_FALSE(out.complete);
  CHECK(spend(claims, {.bitrate = 120, .untried = true}).chosen == Chosen{0, -1});
  CHECK(spend(std::vector<Claim>(), {.bitrate = 10, .untried = true}).chosen.empty());
}

TEST_CASE("whatever is claimed, no more is spent than there is, but for the most important picture alone") {
  std::uint32_t state = 1;
  const auto random = [&state](std::uint32_t below) {
    state = state * 1664525 + 1013904223;
    return (state >> 8) % below;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<Claim> claims(random(12));
    for (Claim& each : claims) {
      const std::size_t count = 1 + random(4);
      double bitrate = 0;
      for (std::size_t i = 0; i < count; ++i) {
        bitrate += random(2000);
        each.options.add({{static_cast<std::int8_t>(i), 7}, 180, bitrate});
      }
      each.on_stage = random(4) == 0;
      each.held = static_cast<int>(random(static_cast<std::uint32_t>(each.options.size()) + 1)) - 1;
    }
    const double budget = random(10'000);

    const Spending out = spend(claims, {budget, random(2) == 0});

    double sum = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      REQUIRE(out.chosen[i] < static_cast<int>(claims[i].options.size()));
      if (out.chosen[i] >= 0) sum += claims[i].options[static_cast<std::size_t>(out.chosen[i])].bitrate;
    }
    const auto sent =
        std::count_if(out.chosen.begin(), out.chosen.end(), [](int chosen) { return chosen >= 0; });
    if (sum > budget) {
      REQUIRE(sent == 1);
      REQUIRE(out.chosen[0] == 0);
      REQUIRE(sum <= kStretch * budget);
    }
    REQUIRE(sum == doctest::Approx(out.spent));
  }
}
