#include "peers-sync/haproxy/lessons.hpp"

#include <algorithm>

namespace roomgate::peers_sync::haproxy {

bool Lessons::wants(std::string_view peer, TimePoint now) {
  if (complete_ || !teacher_.empty()) return false;
  auto asked = asked_.find(peer);
  if (asked == asked_.end()) {
    if (asked_.size() >= kMaxPeers) return false;
    asked = asked_.try_emplace(std::string(peer)).first;
  }
  if (asked->second.tries >= kTries || now < asked->second.again) return false;
  done_ = finished(now);
  ++asked->second.tries;
  asked->second.again = now + kBetween;
  teacher_ = peer;
  return true;
}

void Lessons::over(std::string_view peer, bool complete, TimePoint now) {
  // Whoever says so unasked may be anybody.
  if (teacher_ != peer) return;
  complete_ = complete;
  done_ = done_ || complete;
  teacher_.clear();
  // The next one gets its time as well.
  waits_until_ = std::max(waits_until_, now + kWait);
}

}  // namespace roomgate::peers_sync::haproxy
