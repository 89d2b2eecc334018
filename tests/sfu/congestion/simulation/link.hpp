// A way through a network, without sockets and by a clock that the test turns: a rate that changes, a bounded
// queue, delay, jitter, random and bursty loss, and stalls as a radio has them. Everything random comes from
// the seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::test {

// How far the test turns the clock at once, and how long answers take to come back.
inline constexpr Duration kStep = microseconds(250);
inline constexpr Duration kWayBack = milliseconds(25);
// Clocks of two machines have nothing in common.
inline TimePoint ours(Duration at) { return TimePoint(at + seconds(1'000)); }
inline TimePoint theirs(Duration at) { return TimePoint(at + seconds(77'000)); }

struct LinkModel {
  // Bit/s from each time on; the last holds.
  struct Step {
    Duration at{};
    double rate = 0;
  };
  std::vector<Step> rates = {{Duration::zero(), 2e6}};
  Duration queue = milliseconds(300);  // of the rate that holds; what exceeds it is dropped
  Duration delay = milliseconds(25);   // one way
  Duration jitter{};                   // up to so much more, order kept
  double loss = 0;
  double burst_loss =
      0;  // the chance of entering a bad state, per packet; there half is lost, for 10 on average
  Duration stall_every{};  // on average; then nothing moves for
  Duration stall_for{};
};

struct Datagram {
  int flow = 0;
  std::uint16_t number = 0;
  std::uint32_t bytes = 0;
  Duration sent{};
  Duration out{};  // when it comes out at the other end
  Duration queued{};
};

class Link {
 public:
  Link(LinkModel model, std::uint32_t seed) : model_(std::move(model)), random_(seed) {}

  double rate(Duration now) const;
  void push(Datagram datagram, Duration now);
  // Serves the queue up to `now`, and hands over what has come out by then.
  void turn(Duration now, const std::function<void(const Datagram&)>& deliver);
  std::uint64_t dropped() const { return dropped_; }

 private:
  bool lost();
  bool stalled(Duration now);

  LinkModel model_;
  std::mt19937 random_;
  std::deque<Datagram> queue_;
  std::uint64_t queued_bytes_ = 0;
  std::deque<Datagram> flying_;
  double credit_ = 0;  // bytes
  Duration last_{};
  bool bad_ = false;
  Duration stall_until_{};
  std::uint64_t dropped_ = 0;
};

}  // namespace roomgate::test
