// When to probe, and how fast: at the start, as soon as the queue has drained after a fall (which goes too
// far easily), when a path that had become thin may have recovered, and when the receiver could use more than
// the estimate while media alone can not test it. One probe at a time; one that succeeds is followed at once
// by the next, one that fails waits longer. On the receiver's worker.
#pragma once

#include <cstdint>
#include <optional>

#include "sfu/congestion/probe_cluster.hpp"

namespace roomgate::sfu::congestion {

class Prober {
 public:
  struct Limits {
    double max_rate = 100'000'000;  // bit/s
    Duration first_wait = seconds(2);
    Duration longest_wait = seconds(5);
    Duration lost_after = seconds(2);         // no feedback about it: given up
    Duration calm_after = milliseconds(300);  // a fall: the earliest probe, with the queue drained
  };

  explicit Prober(Limits limits) : limits_(limits) {}
  Prober() : Prober(Limits{}) {}

  struct Situation {
    double estimate = 0;  // bit/s
    double goal = 0;      // what the receiver could use
    bool application_limited = false;
    bool calm = true;     // the queue does not grow
    bool drained = true;  // nor is there one
  };
  // About every 10 ms. Answers how many bytes of padding are to leave now; a new probe begins by itself.
  std::size_t step(const Situation& situation, TimePoint now);

  // The cluster that packets belong to now, 0 for none.
  std::uint8_t sending(TimePoint now) const {
    return cluster_ && now < cluster_->ends() ? cluster_->id() : 0;
  }
  void on_sent(std::size_t bytes) { cluster_->on_sent(bytes); }  // of such a packet
  void on_arrival(const Arrival& arrival);
  // Once per feedback: a rate when a probe has been answered.
  struct Answer {
    double measured = 0;
    bool at_start = false;
  };
  std::optional<Answer> take_answer(double estimate, TimePoint now);
  // The estimate went down, from `before`: wait, then see whether that rate is there again.
  void on_decrease(double before, TimePoint now);

 private:
  bool worth(const Situation& situation, TimePoint now) const;

  Limits limits_;
  std::optional<ProbeCluster> cluster_;
  std::uint8_t last_id_ = 0;
  TimePoint next_at_{};
  Duration wait_ = seconds(2);
  bool starting_ = true;  // no probe has failed yet
  bool again_ = false;    // the last one succeeded
  double lost_rate_ = 0;  // from where the estimate fell
  TimePoint lost_at_{};
  TimePoint fell_at_{};
  bool fallen_ = false;  // and not probed since
};

}  // namespace roomgate::sfu::congestion
