// When a peer is dialled again. Pure: told what happened and a number from 0 to 1 by chance. One for each
// peer of a mesh.
//
//                                   gate                                       HAProxy, or not known yet
//   a dial failed                   50 ms, twice as long each time up to 1 s   5 s
//   ... without any answer          100 ms: the wait for it was one already     5 s
//   a session ended                 at once by the lower name, else 50 ms      50 .. 2049 ms
//   ... that had just begun         as if the dial had failed                  5 s
//   its new session replaced ours                                              50 .. 2049 ms
#pragma once

#include <algorithm>

#include "base/clock.hpp"
#include "peers-sync/mesh/member.hpp"

namespace roomgate::peers_sync::mesh {

class Backoff {
 public:
  static constexpr Duration kFirst = milliseconds(50);
  static constexpr Duration kLongest = seconds(1);
  static constexpr Duration kUnanswered = milliseconds(100);
  static constexpr Duration kHaproxy = seconds(5);
  static constexpr Duration kStable = seconds(1);  // a session that lasted so long was a good one

  Duration after_failure(PeerKind kind, double chance) {
    if (kind != PeerKind::gate) return kHaproxy;
    const Duration full = std::min(kLongest, kFirst * (1 << std::min(failures_, 10)));
    ++failures_;
    // From three quarters to all of it: gates that lost each other at one moment do not meet again at one.
    return full - scaled(full / 4, chance);
  }

  // A network that was cut heals without a word: what was sent into it just before is lost.
  Duration after_no_answer(PeerKind kind) const { return kind == PeerKind::gate ? kUnanswered : kHaproxy; }

  Duration after_session(PeerKind kind, Duration lasted, bool lower_name, double chance) {
    if (lasted < kStable) return after_failure(kind, chance);
    failures_ = 0;
    if (kind != PeerKind::gate) return after_replaced(chance);
    return lower_name ? Duration::zero() : kFirst;
  }

  Duration after_replaced(double chance) const {
    return milliseconds(50) + scaled(milliseconds(1999), chance);
  }

 private:
  static Duration scaled(Duration time, double chance) {
    return std::chrono::duration_cast<Duration>(time * std::clamp(chance, 0.0, 1.0));
  }

  int failures_ = 0;
};

}  // namespace roomgate::peers_sync::mesh
