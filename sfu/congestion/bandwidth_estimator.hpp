// How much one receiver's path carries, from our side: Google congestion control (draft-ietf-rmcat-gcc-02) on
// transport-wide feedback, with probing. For a receiver without such feedback: its REMB and the loss in its
// reports; without either there is no estimate, and nothing is withheld. Sans I/O and clock, O(1) per packet,
// nothing allocated per packet. One per receiver, on its worker. Rates are in bit/s and sizes in bytes as on
// the wire: UDP and IP headers included.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "sfu/congestion/acknowledged_rate.hpp"
#include "sfu/congestion/aimd_rate.hpp"
#include "sfu/congestion/application_limit.hpp"
#include "sfu/congestion/feedback_matcher.hpp"
#include "sfu/congestion/inter_arrival.hpp"
#include "sfu/congestion/loss_control.hpp"
#include "sfu/congestion/prober.hpp"
#include "sfu/congestion/sent_packets.hpp"
#include "sfu/congestion/trendline.hpp"

namespace roomgate::sfu::congestion {

struct EstimatorLimits {
  AimdRate::Limits rate;
  SentPackets::Limits sent;
  Prober::Limits probes;
  Duration silent_after = seconds(1);  // media goes out and no feedback comes: the path may be dead
  // Of each `trial_every` as long as nothing was ever answered, and once at the beginning.
  Duration trial = seconds(1);
  Duration trial_every = seconds(10);
};

class BandwidthEstimator {
 public:
  explicit BandwidthEstimator(const EstimatorLimits& limits);
  BandwidthEstimator() : BandwidthEstimator(EstimatorLimits{}) {}

  // ---- each packet of a receiver with transport-wide feedback
  // The number to write into the next packet; it is taken by on_sent(), so a packet that fails leaves no gap.
  std::uint16_t next_number() const { return sent_.next(); }
  void on_sent(std::size_t bytes, TimePoint now);

  // ---- what the receiver says
  FeedbackSummary on_feedback(const rtp::TransportFeedbackHead& head,
                              std::span<const rtp::PacketStatus> statuses, TimePoint now);
  void on_remb(double bitrate);
  // From a receiver report; counts only for a receiver without transport-wide feedback.
  void on_report(double fraction_lost, TimePoint now);

  // ---- about every 10 ms
  // What the receiver could use if the path allowed it; nothing beyond is probed for.
  void set_goal(double bitrate) { goal_ = bitrate; }
  // Until then next to nothing is sent, so that the queue drains: what is told meanwhile, and until something
  // else can have been answered, is about before, or about next to nothing, and lowers the estimate no
  // further.
  void hold(TimePoint until);
  // How many bytes of padding are to leave now, for a probe.
  std::size_t step(TimePoint now);

  // Empty: nothing is known, and nothing need be withheld.
  std::optional<double> estimate() const;
  // Nothing is known of the path but what everybody starts with, so there is reason to send more than that:
  // only what is sent is answered. For a moment from the first packet on, and as long as nothing tells of
  // congestion.
  bool untried(TimePoint now) const;
  // For transport-wide feedback: the estimate is there before the first feedback.
  void expect_feedback(bool expected) { expected_ = expected; }
  bool application_limited() const { return limit_.limited(); }
  double loss() const { return loss_.loss(); }
  // How much longer than at best a packet is under way now.
  Duration queued() const {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double, std::milli>(trend_.queued()));
  }
  Duration round_trip() const { return round_trip_; }
  bool probing(TimePoint now) const { return prober_.sending(now) != 0; }

 private:
  void adjust(const FeedbackSummary& summary, TimePoint now);
  void apply_probe(TimePoint now);
  double allowed() const { return std::min(delay_.rate(), loss_.rate()); }

  EstimatorLimits limits_;
  SentPackets sent_;
  FeedbackMatcher matcher_;
  InterArrival groups_;
  Trendline trend_;
  AcknowledgedRate acknowledged_;
  AimdRate delay_;
  LossControl loss_;
  ApplicationLimit limit_;
  Prober prober_;
  double goal_ = 0;
  Duration round_trip_ = milliseconds(100);
  Duration latest_trip_{};  // the smoothed one is late where a queue has just filled
  TimePoint held_until_{};
  bool expected_ = false;
  bool heard_ = false;       // any feedback
  bool sent_since_ = false;  // since the last feedback
  bool congested_ = false;   // ever
  std::optional<TimePoint> began_;
  TimePoint heard_at_{};
  std::optional<double> remb_;
};

}  // namespace roomgate::sfu::congestion
