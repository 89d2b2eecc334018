#include "sfu/focus/participant.hpp"

#include <array>

#include "sfu/focus/bridge_selection.hpp"
#include "tests/sfu/focus/support.hpp"

using namespace roomgate;
using namespace roomgate::sfu::focus;

TEST_CASE("a participant's phases follow the table") {
  using enum Phase;
  struct Row {
    Phase from;
    std::array<std::optional<Phase>, 5> to;  // start, offered, accept, retry, end
  };
  const std::array<Row, 5> table = {{
      {waiting, {allocating, std::nullopt, std::nullopt, waiting, ended}},
      {allocating, {std::nullopt, invited, std::nullopt, waiting, ended}},
      {invited, {std::nullopt, std::nullopt, accepted, waiting, ended}},
      {accepted, {std::nullopt, std::nullopt, std::nullopt, waiting, ended}},
      {ended, {std::nullopt, std::nullopt, std::nullopt, waiting, ended}},
  }};
  const std::array steps = {Step::start, Step::offered, Step::accept, Step::retry, Step::end};
  for (const Row& row : table) {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      CAPTURE(static_cast<int>(row.from));
      CAPTURE(i);
      CHECK(next_phase(row.from, steps[i]) == row.to[i]);
    }
  }
}

TEST_CASE("restarts are five seconds apart and five a minute") {
  const Limits limits;
  RestartLimiter limiter(limits);
  const TimePoint start{seconds(100)};

  CHECK(limiter.take(start) == start);
  CHECK(limiter.take(start) == start + seconds(5));
  CHECK(limiter.take(start) == start + seconds(10));
  CHECK(limiter.take(start + seconds(30)) == start + seconds(30));
  CHECK(limiter.admits(start + seconds(31)));
  CHECK(limiter.take(start + seconds(40)) == start + seconds(40));
  CHECK(!limiter.admits(start + seconds(59)));
  CHECK(limiter.admits(start + seconds(60)));
  CHECK(limiter.take(start + seconds(50)) == start + seconds(60));
}

TEST_CASE("the least stressed bridge of the region is chosen, another region's only when that is full") {
  const std::vector<BridgeView> bridges = {{"eu", 0.5}, {"us", 0.1}, {"eu", 0.3}, {"eu", 0.3}};
  const std::vector<BridgeView> full = {{"eu", 0.97}, {"us", 0.6}};

  CHECK(choose(bridges, "eu") == 2);
  CHECK(choose(bridges, "us") == 1);
  CHECK(choose(bridges, "ap") == 1);
  CHECK(choose(full, "eu") == 1);
  CHECK(choose(std::vector<BridgeView>{{"eu", 1.0}}, "eu") == 0);
  CHECK(choose({}, "eu") == std::nullopt);
}
