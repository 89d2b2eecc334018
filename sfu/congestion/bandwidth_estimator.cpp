#include "sfu/congestion/bandwidth_estimator.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kFullQueue = 100;  // ms
constexpr double kFullLoss = 0.02;
constexpr double kMuchLoss = 0.1;
constexpr double kDrained = 50;                  // ms: a packet or two of a thin path
constexpr Duration kAnswer = milliseconds(200);  // a key frame that is encoded, sent and told of
constexpr double kSilence = 0.5;                 // times the estimate, for each silent_after without feedback

}  // namespace

BandwidthEstimator::BandwidthEstimator(const EstimatorLimits& limits)
    : limits_(limits),
      sent_(limits.sent),
      delay_(limits.rate),
      loss_(limits.rate.start, limits.rate.min),
      prober_(limits.probes) {}

void BandwidthEstimator::on_sent(std::size_t bytes, TimePoint now) {
  if (!began_) began_ = now;
  const std::uint8_t probe = prober_.sending(now);
  if (probe != 0) prober_.on_sent(bytes);
  sent_.add(bytes, probe, now);
  limit_.on_sent(bytes);
  if (!sent_since_) {
    sent_since_ = true;
    heard_at_ = now;  // silence is counted from here
  }
}

FeedbackSummary BandwidthEstimator::on_feedback(const rtp::TransportFeedbackHead& head,
                                                std::span<const rtp::PacketStatus> statuses, TimePoint now) {
  if (matcher_.set_reference(head.reference_time, now)) {
    groups_.reset();
    trend_.reset();
    acknowledged_.restart_window();
  }
  const FeedbackSummary summary = matcher_.match(sent_, head, statuses, now, [this](const Arrival& arrival) {
    acknowledged_.on_arrival(arrival, trend_.usage() == Usage::over || loss_.loss() > kMuchLoss);
    if (arrival.probe != 0) {
      // A probe fills the queue on purpose: it says what the path carries, not how it bears our rate.
      prober_.on_arrival(arrival);
    } else if (const auto group = groups_.on_packet(arrival.sent, arrival.arrived)) {
      trend_.on_group(*group);
    }
  });
  if (summary.arrived == 0 && summary.lost == 0) return summary;
  heard_ = true;
  heard_at_ = now;
  sent_since_ = false;
  if (summary.round_trip) {
    latest_trip_ = std::min<Duration>(*summary.round_trip, seconds(2));
    round_trip_ = (round_trip_ * 7 + latest_trip_) / 8;
  }
  adjust(summary, now);
  apply_probe(now);
  return summary;
}

void BandwidthEstimator::adjust(const FeedbackSummary& summary, TimePoint now) {
  const double before = allowed();
  limit_.update(before, now);
  if (now < held_until_) {
    acknowledged_.restart_window();
    return;
  }
  // A queue that is full stands still, so its growth does not show; its height and its losses do.
  const bool full = trend_.queued() > kFullQueue && loss_.loss() > kFullLoss;
  const AimdRate::Input input{.usage = full ? Usage::over : trend_.usage(),
                              .acknowledged = acknowledged_.rate(),
                              .round_trip = round_trip_,
                              .application_limited = limit_.limited()};
  bool decreased = delay_.update(input, now);
  const unsigned lost = summary.lost - std::min(summary.lost, summary.found_later);
  decreased |= loss_.update({.arrived = summary.arrived,
                             .lost = lost,
                             .allowed = delay_.rate(),
                             .acknowledged = input.acknowledged,
                             .round_trip = input.round_trip},
                            now);
  if (!decreased) return;
  congested_ = true;
  prober_.on_decrease(before, now);
}

void BandwidthEstimator::apply_probe(TimePoint now) {
  const auto answer = prober_.take_answer(allowed(), now);
  if (!answer || trend_.usage() == Usage::over) return;
  // What is measured is a little below what the path carries in peaks; at the start a low result is news as
  // well, later on it is left to delay and loss.
  constexpr double kUsable = 0.95;
  const double rate = kUsable * answer->measured;
  if (rate <= allowed() && !answer->at_start) return;
  delay_.set(rate);
  loss_.set(rate);
}

void BandwidthEstimator::on_remb(double bitrate) {
  // What the receiver allows holds until its reports tell of loss.
  if (!expected_ && !remb_) loss_.set(limits_.rate.max);
  remb_ = std::clamp(bitrate, limits_.rate.min, limits_.rate.max);
}

void BandwidthEstimator::on_report(double fraction_lost, TimePoint now) {
  if (expected_ || !remb_) return;
  constexpr unsigned kPackets = 100;  // a report has a fraction only
  const auto lost = static_cast<unsigned>(std::clamp(fraction_lost, 0.0, 1.0) * kPackets);
  (void)loss_.update({.arrived = kPackets - lost,
                      .lost = lost,
                      .allowed = *remb_,
                      .acknowledged = {},
                      .round_trip = round_trip_},
                     now);
}

void BandwidthEstimator::hold(TimePoint until) {
  held_until_ = until + std::max(round_trip_, latest_trip_) + kAnswer;
  acknowledged_.restart_window();
}

std::size_t BandwidthEstimator::step(TimePoint now) {
  if (!expected_) return 0;
  limit_.update(allowed(), now);
  if (heard_ && sent_since_ && now - heard_at_ >= limits_.silent_after) {
    const double before = allowed();
    heard_at_ = now;
    delay_.set(kSilence * before);
    prober_.on_decrease(before, now);
  }
  if (!heard_) return 0;  // nobody would answer
  return prober_.step({.estimate = allowed(),
                       .goal = goal_,
                       .application_limited = limit_.limited(),
                       .calm = trend_.usage() != Usage::over,
                       .drained = trend_.queued() < kDrained},
                      now);
}

bool BandwidthEstimator::untried(TimePoint now) const {
  if (!expected_ || congested_) return false;
  if (!began_) return true;
  const Duration since = now - *began_;
  return (heard_ ? since : since % limits_.trial_every) < limits_.trial;
}

std::optional<double> BandwidthEstimator::estimate() const {
  if (!expected_) return remb_ ? std::optional(std::min(*remb_, loss_.rate())) : std::nullopt;
  return std::clamp(allowed(), limits_.rate.min, limits_.rate.max);
}

}  // namespace roomgate::sfu::congestion
