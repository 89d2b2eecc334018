// Counts what a peer can send for nothing, by kind, against token buckets. One per connection, its thread.
// Takes `now`, reads no clock.
#pragma once

#include <array>

#include "base/rate_limit.hpp"
#include "router/h2/limits.hpp"

namespace roomgate::router::h2 {

class Floods {
 public:
  // False: that was one too many.
  bool take(Flood flood, const Limits& limits, TimePoint now);

  // WINDOW_UPDATE frames answer what we send: it pays for them.
  void sent_data(std::size_t bytes);
  bool take_window_update(const Limits& limits, TimePoint now);

 private:
  std::array<TokenBucket, kFloods> buckets_;
  std::size_t window_credit_ = 0;
};

}  // namespace roomgate::router::h2
