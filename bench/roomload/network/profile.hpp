// What a network does to datagrams, and the networks that roomload knows by name. Values; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::network {

// One direction of a way. Everything 0: as if it were not there.
struct Impairment {
  Duration delay{};
  Duration jitter{};        // added on top, uniformly up to this, without overtaking
  double loss = 0;          // share lost by itself
  double burst = 0;         // share of datagrams that begin a burst of losses
  double burst_length = 0;  // datagrams in a burst, on average
  double reorder = 0;       // share held back by `reorder_by`, so that later ones overtake
  Duration reorder_by{};
  double duplicate = 0;
  std::uint64_t bits_per_second = 0;  // 0: unlimited
  Duration queue{};                   // what does not fit into so much time at that rate is dropped
};

struct Profile {
  std::string_view name;
  std::string_view words;  // for --help and the report
  Impairment up;
  Impairment down;
};

std::span<const Profile> profiles();
std::optional<Profile> find_profile(std::string_view name);

}  // namespace roomgate::bench::roomload::network
