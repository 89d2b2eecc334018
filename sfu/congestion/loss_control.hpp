// The rate that loss allows (GCC: draft-ietf-rmcat-gcc-02, 6): up below 2 %, down above 10 %, between them as
// it is. Beyond the draft it learns the loss that stays when less is sent, as radio links have it: only what
// exceeds that counts, so that a lossy path is not starved. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace roomgate::sfu::congestion {

class LossControl {
 public:
  // Never below `least`: from there no probe would find back.
  explicit LossControl(double start, double least = 0) : rate_(start), least_(least) {}

  struct Input {
    unsigned arrived = 0;  // packets since the last one
    unsigned lost = 0;
    double allowed = 0;                  // by the delay, bit/s: there is nothing to gain above it
    std::optional<double> acknowledged;  // bit/s
    Duration round_trip{};
  };
  // Once per feedback. True when the rate went down.
  bool update(const Input& input, TimePoint now);
  double rate() const { return rate_; }
  void set(double rate) { rate_ = rate; }
  // Smoothed, 0 to 1.
  double loss() const { return loss_; }

 private:
  void judge_episode(double rate);

  double rate_;
  double least_;
  double loss_ = 0;
  double own_loss_ = 0;      // the path's, whatever we send
  double episode_loss_ = 0;  // where a series of decreases began; 0: none
  double episode_rate_ = 0;
  unsigned arrived_ = 0;
  unsigned lost_ = 0;
  TimePoint judged_{};
  TimePoint decreased_{};
};

}  // namespace roomgate::sfu::congestion
