// Whom this process asks for what HAProxies know: one at a time, after its start, until one says that it has
// told everything. Sans-I/O, the peers core.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace roomgate::peers_sync::haproxy {

class Lessons {
 public:
  explicit Lessons(TimePoint now) : waits_until_(now + kWait) {}

  bool wants(std::string_view peer, TimePoint now);  // true: it is asked now
  void over(std::string_view peer, bool complete, TimePoint now);
  // We have all that can be had: also when nobody is there to ask.
  bool finished(TimePoint now) const { return done_ || (teacher_.empty() && now >= waits_until_); }

 private:
  static constexpr Duration kWait = seconds(5);
  // One that has just started knows little, and one whose session breaks might know more.
  static constexpr int kTries = 3;
  static constexpr Duration kBetween = seconds(5);
  static constexpr std::size_t kMaxPeers = 1024;
  struct Asked {
    int tries = 0;
    TimePoint again{};
  };

  bool complete_ = false;
  bool done_ = false;  // finished, and stays so whoever is asked later
  std::string teacher_;
  TimePoint waits_until_;
  std::map<std::string, Asked, std::less<>> asked_;
};

}  // namespace roomgate::peers_sync::haproxy
