#include "sfu/bridge/allocation.hpp"

#include <doctest/doctest.h>

using namespace roomgate::sfu::bridge;

namespace {

using Heights = std::vector<int>;

const std::vector<VideoCandidate> kThree = {
    {"A-v0", "A", 1, true}, {"A-v1", "A", 1, false}, {"B-v0", "B", 2, true}, {"C-v0", "C", 3, true}};

Heights heights_of(const Wishes& wishes, const std::vector<VideoCandidate>& candidates,
                   const std::vector<EndpointKey>& speakers) {
  return wanted_heights(wishes, candidates, video_order(wishes, candidates, speakers));
}

}  // namespace

TEST_CASE("nothing is sent before the first wish, 180 lines after one that names no height") {
  Wishes wishes;
  CHECK(heights_of(wishes, kThree, {}) == Heights{0, 0, 0, 0});

  wishes.apply({});

  CHECK(heights_of(wishes, kThree, {}) == Heights{180, 180, 180, 180});
}

TEST_CASE("heights go by source, else by endpoint for its first video, else by the default") {
  Wishes wishes;
  wishes.apply({.default_max_height = 90, .max_heights = {{{"A", 720}, {"B-v0", 0}, {"C", kUnlimited}}}});

  CHECK(heights_of(wishes, kThree, {}) == Heights{720, 90, 0, kUnlimited});
}

TEST_CASE("a later message replaces what it mentions and leaves the rest") {
  Wishes wishes;
  wishes.apply({.last_n = 2, .default_max_height = 360, .max_heights = {{{"A", 720}}}});
  wishes.apply({.max_heights = {{{"B", 720}}}});

  CHECK(wishes.last_n == 2);
  CHECK(wishes.default_max_height == 360);
  CHECK(wishes.max_heights.size() == 1);
}

TEST_CASE("lastN keeps who is on stage, then who is selected, then who spoke last") {
  Wishes wishes;
  wishes.apply({.last_n = 1});
  const std::vector<EndpointKey> speakers = {3, 2};
  CHECK(heights_of(wishes, kThree, speakers) == Heights{0, 0, 0, 180});

  wishes.apply({.selected = {{"B-v0"}}});
  CHECK(heights_of(wishes, kThree, speakers) == Heights{0, 0, 180, 0});

  wishes.apply({.on_stage = {{"A"}}});
  CHECK(heights_of(wishes, kThree, speakers) == Heights{180, 0, 0, 0});

  wishes.apply({.last_n = 0});
  CHECK(heights_of(wishes, kThree, speakers) == Heights{0, 0, 0, 0});
}

TEST_CASE("who is not wanted takes no place among the lastN") {
  Wishes wishes;
  wishes.apply({.last_n = 1, .selected = {{"C-v0"}}, .max_heights = {{{"C-v0", 0}}}});

  CHECK(heights_of(wishes, kThree, {}) == Heights{180, 0, 0, 0});
}

TEST_CASE("the order is stage, selection, speakers, then who joined first") {
  Wishes wishes;
  wishes.apply({.selected = {{"C-v0"}}, .on_stage = {{"A-v1"}}});
  const std::vector<EndpointKey> speakers = {2};

  CHECK(video_order(wishes, kThree, speakers) == std::vector<std::size_t>{1, 3, 2, 0});
  CHECK(on_stage(wishes, kThree[1]));
  CHECK_FALSE(on_stage(wishes, kThree[0]));
}

TEST_CASE("an assumed bandwidth holds until a message takes it back") {
  Wishes wishes;
  wishes.apply({.assumed_bandwidth = 250'000});
  wishes.apply({.last_n = 3});
  CHECK(wishes.assumed_bandwidth == 250'000);

  wishes.apply({.assumed_bandwidth = -1});
  CHECK_FALSE(wishes.assumed_bandwidth);
}
