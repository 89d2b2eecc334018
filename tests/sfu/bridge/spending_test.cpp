#include "sfu/bridge/spending.hpp"

#include <doctest/doctest.h>

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

  const Spending out = spend(claims, std::nullopt, false);

  CHECK(out.chosen == Chosen{2, 2});
  CHECK(out.complete);
  CHECK(out.spent == 3000);
}

TEST_CASE("who is on stage gets all it wants before the others get anything") {
  const std::vector<Claim> claims = {claim(-1, true), claim(), claim()};

  CHECK(spend(claims, 1700 * kRiseMargin, true).chosen == Chosen{2, 0, 0});
  CHECK(spend(claims, 1600 * kRiseMargin, true).chosen == Chosen{2, 0, -1});
  CHECK(spend(claims, 1000 * kRiseMargin, true).chosen == Chosen{1, 1, 0});
}

TEST_CASE("the others get their cheapest layer each, then one step at a time in their order") {
  const std::vector<Claim> claims = {claim(), claim(), claim()};

  CHECK(spend(claims, 250 * kRiseMargin, true).chosen == Chosen{0, 0, -1});
  CHECK(spend(claims, 599 * kRiseMargin, true).chosen == Chosen{0, 0, 0});
  CHECK(spend(claims, 900 * kRiseMargin, true).chosen == Chosen{1, 1, 0});
  CHECK(spend(claims, 2300 * kRiseMargin + 1, true).chosen == Chosen{2, 1, 1});
}

TEST_CASE("keeping a layer needs no margin, a better one does") {
  CHECK(spend(std::vector{claim(1)}, 400, true).chosen == Chosen{1});
  CHECK(spend(std::vector{claim(0)}, 400, true).chosen == Chosen{0});
  CHECK(spend(std::vector{claim(0)}, 400 * kRiseMargin, true).chosen == Chosen{1});
}

TEST_CASE("while nobody may rise who has nothing may still begin, and falling is at once") {
  const std::vector<Claim> claims = {claim(0), claim(-1), claim(2)};

  const Spending enough = spend(claims, 100'000, false);
  CHECK(enough.chosen == Chosen{0, 0, 2});
  CHECK_FALSE(enough.fell);

  const Spending thin = spend(claims, 700, false);
  CHECK(thin.chosen == Chosen{0, 0, 1});
  CHECK(thin.fell);
  CHECK_FALSE(thin.complete);
}

TEST_CASE("with nothing to spend nobody is sent, and what all would cost is still told") {
  const Spending out = spend(std::vector{claim(1), claim()}, 0.0, true);

  CHECK(out.chosen == Chosen{-1, -1});
  CHECK(out.ideal == 3000);
  CHECK(out.spent == 0);
}

TEST_CASE("after a fall nobody rises for a while, and for longer when a rise was the reason") {
  RiseHold hold;
  TimePoint now{seconds(100)};
  CHECK(hold.may_rise(now));

  hold.on_spent({.fell = true}, now);
  CHECK_FALSE(hold.may_rise(now + milliseconds(1999)));
  CHECK(hold.may_rise(now + seconds(2)));

  now += seconds(2);
  hold.on_spent({.rose = true}, now);
  now += seconds(1);
  hold.on_spent({.fell = true}, now);
  CHECK_FALSE(hold.may_rise(now + milliseconds(2999)));
  CHECK(hold.may_rise(now + seconds(3)));
}

TEST_CASE("whatever is claimed, no more is spent than there is") {
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

    const Spending out = spend(claims, budget, random(2) == 0);

    double sum = 0;
    for (std::size_t i = 0; i < claims.size(); ++i) {
      REQUIRE(out.chosen[i] < static_cast<int>(claims[i].options.size()));
      if (out.chosen[i] >= 0) sum += claims[i].options[static_cast<std::size_t>(out.chosen[i])].bitrate;
    }
    REQUIRE(sum <= budget);
    REQUIRE(sum == doctest::Approx(out.spent));
  }
}
