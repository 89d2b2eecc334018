// Token buckets: how often something may be done, for one doer (TokenBucket) or for each of many strangers,
// told apart by a text such as their address (KeyedBuckets, bounded). Take `now`, read no clock. One thread.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.hpp"
#include "base/siphash.hpp"

namespace roomgate {

class TokenBucket {
 public:
  // Full at first use. False: not enough is left, and nothing is taken.
  bool take(double amount, double per_second, double burst, TimePoint now) {
    const double level = level_at(per_second, burst, now);
    started_ = true;
    filled_ = now;
    level_ = level < amount ? level : level - amount;
    return level >= amount;
  }

  // As if it had never been used: nothing is lost by forgetting it.
  bool full(double per_second, double burst, TimePoint now) const {
    return level_at(per_second, burst, now) >= burst;
  }

 private:
  double level_at(double per_second, double burst, TimePoint now) const {
    if (!started_) return burst;
    return std::min(burst, level_ + per_second * std::chrono::duration<double>(now - filled_).count());
  }

  bool started_ = false;
  double level_ = 0;
  TimePoint filled_;
};

class KeyedBuckets {
 public:
  struct Limits {
    double per_second = 1;
    double burst = 10;
    std::size_t keys = 10'000;
  };
  explicit KeyedBuckets(Limits limits) : limits_(limits) {}

  // When `keys` doers are remembered and none of them can be forgotten, newcomers are refused: whoever
  // spreads over that many addresses does not get a fresh bucket for each.
  bool take(std::string_view key, TimePoint now) {
    auto found = buckets_.find(key);
    if (found == buckets_.end()) {
      if (buckets_.size() >= limits_.keys) {
        std::erase_if(buckets_,
                      [&](auto& entry) { return entry.second.full(limits_.per_second, limits_.burst, now); });
      }
      if (buckets_.size() >= limits_.keys) return false;
      found = buckets_.emplace(std::string(key), TokenBucket()).first;
    }
    return found->second.take(1, limits_.per_second, limits_.burst, now);
  }

  std::size_t size() const { return buckets_.size(); }

 private:
  Limits limits_;
  std::unordered_map<std::string, TokenBucket, SipHasher, std::equal_to<>> buckets_;
};

}  // namespace roomgate
