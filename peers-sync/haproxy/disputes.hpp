// How often this gate contradicts HAProxies about one room: three times in ten seconds, then it waits until
// they are over, and somebody has to be told. Sans-I/O, the peers core.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "base/siphash.hpp"

namespace roomgate::peers_sync::haproxy {

class Disputes {
 public:
  enum class Answer : std::uint8_t {
    say_again,
    alarm,    // the first one too many of its time
    not_now,  // and those after it
  };
  Answer contradicted(std::string_view key, TimePoint now);
  // Rooms that have waited long enough to be said again.
  std::vector<std::string> due(TimePoint now);
  TimePoint next() const { return next_; }

 private:
  static constexpr int kTimes = 3;
  static constexpr Duration kWithin = seconds(10);
  static constexpr std::size_t kMax = 100'000;  // rooms; beyond, all of them count as too many
  struct Dispute {
    int times = 0;
    bool owed = false;
    TimePoint until{};
  };

  std::unordered_map<std::string, Dispute, SipHasher, std::equal_to<>> disputes_;
  TimePoint next_ = TimePoint::max();
};

}  // namespace roomgate::peers_sync::haproxy
