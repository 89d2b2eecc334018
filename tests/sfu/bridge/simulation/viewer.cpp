#include "tests/sfu/bridge/simulation/viewer.hpp"

#include <algorithm>

namespace roomgate::test {
namespace {

constexpr Duration kAskAgain = milliseconds(100);
constexpr unsigned kMostTimes = 10;
constexpr Duration kWithoutKey = milliseconds(200);
constexpr Duration kWithoutFrame = seconds(3);

}  // namespace

void Viewer::on_packet(const ViewerPacket& packet, Duration now) {
  const std::int64_t sequence = extender_.extend(packet.sequence);
  last_packet_ = now;
  if (!highest_) {
    highest_ = sequence;
    done_ = sequence;
  }
  for (std::int64_t gap = std::max(*highest_ + 1, done_); gap < sequence; ++gap) missing_[gap];
  highest_ = std::max(*highest_, sequence);
  missing_.erase(sequence);
  if (sequence < done_) return;
  held_[sequence] = packet;
  while (decode_one(now)) continue;
}

// The oldest frame that is whole and can be decoded.
bool Viewer::decode_one(Duration now) {
  for (auto first = held_.begin(); first != held_.end(); ++first) {
    if (first->second.empty || !first->second.starts_frame) continue;
    auto last = first;
    for (auto next = std::next(last); !last->second.ends_frame && next != held_.end(); last = next++) {
      if (next->first != last->first + 1 || next->second.starts_frame) break;
    }
    if (!last->second.ends_frame || !builds_on_what_is_shown(first->second)) continue;
    if (first->second.temporal == 0) tl0_ = first->second.tl0;
    shown_.push_back({now, first->second.stream});
    done_ = last->first + 1;
    held_.erase(held_.begin(), std::next(last));
    missing_.erase(missing_.begin(), missing_.lower_bound(done_));
    return true;
  }
  return false;
}

bool Viewer::builds_on_what_is_shown(const ViewerPacket& first) const {
  if (first.key) return true;
  if (shown_.empty()) return false;
  return static_cast<std::uint8_t>(first.tl0 - tl0_) == (first.temporal == 0 ? 1 : 0);
}

std::vector<std::uint16_t> Viewer::nacks(Duration now) {
  std::vector<std::uint16_t> due;
  for (auto& [sequence, state] : missing_) {
    if (state.times >= kMostTimes || (state.times > 0 && now - state.asked < kAskAgain)) continue;
    ++state.times;
    state.asked = now;
    due.push_back(static_cast<std::uint16_t>(sequence));
  }
  return due;
}

bool Viewer::wants_keyframe(Duration now) {
  if (!highest_ || now - last_packet_ > seconds(1)) return false;
  const Duration patience = shown_.empty() ? kWithoutKey : kWithoutFrame;
  const Duration since = std::max(asked_key_, shown_.empty() ? Duration() : shown_.back().at);
  if (now - since < patience) return false;
  asked_key_ = now;
  return true;
}

}  // namespace roomgate::test
