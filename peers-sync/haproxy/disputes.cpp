#include "peers-sync/haproxy/disputes.hpp"

#include <algorithm>
#include <utility>

namespace roomgate::peers_sync::haproxy {

Disputes::Answer Disputes::contradicted(std::string_view key, TimePoint now) {
  auto found = disputes_.find(key);
  if (found == disputes_.end()) {
    if (disputes_.size() >= kMax) return Answer::not_now;
    found = disputes_.try_emplace(std::string(key)).first;
    found->second.until = now + kWithin;
    next_ = std::min(next_, found->second.until);
  }
  Dispute& dispute = found->second;
  if (dispute.times < kTimes) {
    ++dispute.times;
    return Answer::say_again;
  }
  return std::exchange(dispute.owed, true) ? Answer::not_now : Answer::alarm;
}

std::vector<std::string> Disputes::due(TimePoint now) {
  std::vector<std::string> owed;
  if (now < next_) return owed;
  next_ = TimePoint::max();
  for (auto at = disputes_.begin(); at != disputes_.end();) {
    Dispute& dispute = at->second;
    if (now >= dispute.until) {
      if (!dispute.owed) {
        at = disputes_.erase(at);
        continue;
      }
      // Said once more, which counts in the ten seconds that begin now.
      owed.push_back(at->first);
      dispute = {.times = 1, .owed = false, .until = now + kWithin};
    }
    next_ = std::min(next_, dispute.until);
    ++at;
  }
  return owed;
}

}  // namespace roomgate::peers_sync::haproxy
