#include "sfu/forward/layer_rates.hpp"

#include <doctest/doctest.h>

using namespace roomgate;
using namespace roomgate::sfu::forward;

namespace {

const TimePoint kStart{seconds(100)};

}  // namespace

TEST_CASE("counts the last second, by layer, and forgets what is older") {
  LayerRates rates;
  rates.on_packet(1, 0, 100, true, true, kStart);
  rates.on_packet(1, 2, 10, false, true, kStart + milliseconds(300));
  rates.on_packet(1, 2, 10, false, false, kStart + milliseconds(300));
  rates.on_packet(0, 0, 7, false, true, kStart + milliseconds(300));

  const auto all = rates.counts(1, 7, kStart + milliseconds(400));
  CHECK(all.shared == 100);
  CHECK(all.own == 20);
  CHECK(all.frames == 2);
  const auto base = rates.counts(1, 1, kStart + milliseconds(400));
  CHECK(base.own == 0);
  CHECK(base.frames == 1);

  const auto later = rates.counts(1, 7, kStart + milliseconds(1000));
  CHECK(later.shared == 0);
  CHECK(later.own == 20);
  CHECK(rates.counts(1, 7, kStart + milliseconds(1300)).own == 0);
}

TEST_CASE("a slot is used again after a turn of the ring, without what it held") {
  LayerRates rates;
  rates.on_packet(0, 0, 1000, false, true, kStart);
  rates.on_packet(0, 0, 10, false, true, kStart + LayerRates::kSlot * LayerRates::kSlots);
  CHECK(rates.counts(0, 0, kStart + LayerRates::kSlot * LayerRates::kSlots).own == 10);
}

TEST_CASE("a young source is measured over half a second at least, an old one over the window") {
  LayerRates rates;
  rates.on_packet(0, 0, 1000, false, true, kStart);
  CHECK(rates.covered(kStart) == milliseconds(500));
  CHECK(rates.covered(kStart + milliseconds(700)) == milliseconds(700));
  const Duration old = rates.covered(kStart + seconds(9) + milliseconds(10));
  CHECK(old > LayerRates::kSlot * (LayerRates::kSlots - 1));
  CHECK(old <= LayerRates::kSlot * LayerRates::kSlots);
}

TEST_CASE("layers out of range are ignored, temporal ids beyond the last count as the last") {
  LayerRates rates;
  rates.on_packet(9, 0, 5, false, true, kStart);
  rates.on_packet(0, 250, 5, false, true, kStart);
  CHECK(rates.counts(9, 7, kStart).own == 0);
  CHECK(rates.counts(0, kMaxTemporals - 1, kStart).own == 5);
}
