#include "bench/roomload/network/profile.hpp"

#include <algorithm>
#include <array>

namespace roomgate::bench::roomload::network {
namespace {

constexpr std::uint64_t kilobits(std::uint64_t n) { return n * 1000; }
constexpr std::uint64_t megabits(std::uint64_t n) { return n * 1'000'000; }

// The same both ways but for the rate; 0: unlimited.
constexpr Profile way(std::string_view name, std::string_view words, Impairment both, std::uint64_t up = 0,
                      std::uint64_t down = 0) {
  Profile profile{name, words, both, both};
  profile.up.bits_per_second = up;
  profile.down.bits_per_second = down;
  return profile;
}

// The one table. Values are those of everyday networks as operators and browsers' tools know them, no
// measurement of any one.
constexpr std::array kProfiles = {
    way("perfect", "as the machine has it", {}),
    way("fibre", "5 ms, 100/500 Mbit/s",
        {.delay = milliseconds(5), .jitter = milliseconds(1), .queue = milliseconds(50)}, megabits(100),
        megabits(500)),
    way("dsl", "15 ms, 2.4/16 Mbit/s, 0.1 % loss, a queue of 200 ms",
        {.delay = milliseconds(15), .jitter = milliseconds(2), .loss = 0.001, .queue = milliseconds(200)},
        kilobits(2400), megabits(16)),
    way("wifi", "4 ms with 12 ms of jitter, bursts of loss, 20 Mbit/s",
        {.delay = milliseconds(4),
         .jitter = milliseconds(12),
         .loss = 0.002,
         .burst = 0.001,
         .burst_length = 4,
         .reorder = 0.002,
         .reorder_by = milliseconds(5),
         .queue = milliseconds(100)},
        megabits(20), megabits(20)),
    way("lte", "35 ms with 15 ms of jitter, 0.2 % loss, 10/30 Mbit/s, a queue of 300 ms",
        {.delay = milliseconds(35), .jitter = milliseconds(15), .loss = 0.002, .queue = milliseconds(300)},
        megabits(10), megabits(30)),
    way("3g", "100 ms with 30 ms of jitter, 0.5 % loss, 768/1600 kbit/s",
        {.delay = milliseconds(100), .jitter = milliseconds(30), .loss = 0.005, .queue = milliseconds(400)},
        kilobits(768), kilobits(1600)),
    way("edge", "250 ms with 50 ms of jitter, 1 % loss, 200/240 kbit/s: sound alone",
        {.delay = milliseconds(250), .jitter = milliseconds(50), .loss = 0.01, .queue = milliseconds(800)},
        kilobits(200), kilobits(240)),
    way("satellite", "300 ms, 0.5 % loss, 3/25 Mbit/s",
        {.delay = milliseconds(300), .jitter = milliseconds(8), .loss = 0.005, .queue = milliseconds(400)},
        megabits(3), megabits(25)),
    way("lossy", "25 ms with 5 ms of jitter, 5 % loss, some reordering and duplication, no limit of rate",
        {.delay = milliseconds(25),
         .jitter = milliseconds(5),
         .loss = 0.05,
         .reorder = 0.01,
         .reorder_by = milliseconds(10),
         .duplicate = 0.002}),
    way("bursty", "25 ms, 3 % loss in bursts of eight",
        {.delay = milliseconds(25), .jitter = milliseconds(5), .burst = 0.004, .burst_length = 8}),
};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

std::optional<Profile> find_profile(std::string_view name) {
  const auto at =
      std::find_if(kProfiles.begin(), kProfiles.end(), [&](const Profile& p) { return p.name == name; });
  if (at == kProfiles.end()) return std::nullopt;
  return *at;
}

}  // namespace roomgate::bench::roomload::network
