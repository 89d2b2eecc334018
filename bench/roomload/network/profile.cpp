#include "bench/roomload/network/profile.hpp"

#include <algorithm>
#include <array>

namespace roomgate::bench::roomload::network {
namespace {

constexpr std::uint64_t kilobits(std::uint64_t n) { return n * 1000; }
constexpr std::uint64_t megabits(std::uint64_t n) { return n * 1'000'000; }

// The one table. Values are those of everyday networks as operators and browsers' tools know them, no
// measurement of any one.
constexpr std::array<Profile, 10> kProfiles = {{
    {"perfect", "as the machine has it", {}, {}},
    {"fibre",
     "5 ms, 100/500 Mbit/s",
     {.delay = milliseconds(5),
      .jitter = milliseconds(1),
      .bits_per_second = megabits(100),
      .queue = milliseconds(50)},
     {.delay = milliseconds(5),
      .jitter = milliseconds(1),
      .bits_per_second = megabits(500),
      .queue = milliseconds(50)}},
    {"dsl",
     "15 ms, 2.4/16 Mbit/s, 0.1 % loss, a queue of 200 ms",
     {.delay = milliseconds(15),
      .jitter = milliseconds(2),
      .loss = 0.001,
      .bits_per_second = kilobits(2400),
      .queue = milliseconds(200)},
     {.delay = milliseconds(15),
      .jitter = milliseconds(2),
      .loss = 0.001,
      .bits_per_second = megabits(16),
      .queue = milliseconds(200)}},
    {"wifi",
     "8 ms with 12 ms of jitter, bursts of loss, 20 Mbit/s",
     {.delay = milliseconds(4),
      .jitter = milliseconds(12),
      .loss = 0.002,
      .burst = 0.001,
      .burst_length = 4,
      .reorder = 0.002,
      .reorder_by = milliseconds(5),
      .bits_per_second = megabits(20),
      .queue = milliseconds(100)},
     {.delay = milliseconds(4),
      .jitter = milliseconds(12),
      .loss = 0.002,
      .burst = 0.001,
      .burst_length = 4,
      .reorder = 0.002,
      .reorder_by = milliseconds(5),
      .bits_per_second = megabits(20),
      .queue = milliseconds(100)}},
    {"lte",
     "35 ms with 15 ms of jitter, 0.2 % loss, 10/30 Mbit/s, a queue of 300 ms",
     {.delay = milliseconds(35),
      .jitter = milliseconds(15),
      .loss = 0.002,
      .bits_per_second = megabits(10),
      .queue = milliseconds(300)},
     {.delay = milliseconds(35),
      .jitter = milliseconds(15),
      .loss = 0.002,
      .bits_per_second = megabits(30),
      .queue = milliseconds(300)}},
    {"3g",
     "100 ms with 30 ms of jitter, 0.5 % loss, 768/1600 kbit/s",
     {.delay = milliseconds(100),
      .jitter = milliseconds(30),
      .loss = 0.005,
      .bits_per_second = kilobits(768),
      .queue = milliseconds(400)},
     {.delay = milliseconds(100),
      .jitter = milliseconds(30),
      .loss = 0.005,
      .bits_per_second = kilobits(1600),
      .queue = milliseconds(400)}},
    {"edge",
     "250 ms with 50 ms of jitter, 1 % loss, 200/240 kbit/s: sound alone",
     {.delay = milliseconds(250),
      .jitter = milliseconds(50),
      .loss = 0.01,
      .bits_per_second = kilobits(200),
      .queue = milliseconds(800)},
     {.delay = milliseconds(250),
      .jitter = milliseconds(50),
      .loss = 0.01,
      .bits_per_second = kilobits(240),
      .queue = milliseconds(800)}},
    {"satellite",
     "300 ms, 0.5 % loss, 3/25 Mbit/s",
     {.delay = milliseconds(300),
      .jitter = milliseconds(8),
      .loss = 0.005,
      .bits_per_second = megabits(3),
      .queue = milliseconds(400)},
     {.delay = milliseconds(300),
      .jitter = milliseconds(8),
      .loss = 0.005,
      .bits_per_second = megabits(25),
      .queue = milliseconds(400)}},
    {"lossy",
     "25 ms with 5 ms of jitter, 5 % loss, some reordering and duplication, no limit of rate",
     {.delay = milliseconds(25),
      .jitter = milliseconds(5),
      .loss = 0.05,
      .reorder = 0.01,
      .reorder_by = milliseconds(10),
      .duplicate = 0.002},
     {.delay = milliseconds(25),
      .jitter = milliseconds(5),
      .loss = 0.05,
      .reorder = 0.01,
      .reorder_by = milliseconds(10),
      .duplicate = 0.002}},
    {"bursty",
     "25 ms, 3 % loss in bursts of eight",
     {.delay = milliseconds(25), .jitter = milliseconds(5), .burst = 0.004, .burst_length = 8},
     {.delay = milliseconds(25), .jitter = milliseconds(5), .burst = 0.004, .burst_length = 8}},
}};

}  // namespace

std::span<const Profile> profiles() { return kProfiles; }

std::optional<Profile> find_profile(std::string_view name) {
  const auto at =
      std::find_if(kProfiles.begin(), kProfiles.end(), [&](const Profile& p) { return p.name == name; });
  if (at == kProfiles.end()) return std::nullopt;
  return *at;
}

}  // namespace roomgate::bench::roomload::network
