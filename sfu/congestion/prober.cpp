#include "sfu/congestion/prober.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kStep = 2;          // times the estimate
constexpr double kGentleStep = 1.5;  // right after a fall
constexpr double kBeyondGoal = 1.2;  // so that what is measured leaves a margin above the goal
constexpr double kSuccess = 0.75;    // of the probe's rate
constexpr double kNews = 1.15;       // times the estimate
constexpr double kBelieved = 1.25;   // times the probe's rate: a moment in which media came in a burst
constexpr double kLargeDrop = 0.66;
constexpr Duration kRemembered = seconds(60);  // a rate that was lost
constexpr Duration kQuiet = seconds(5);        // without a decrease: the next one is a fall
constexpr Duration kGrace = milliseconds(50);  // after the end, for the last packets' feedback

}  // namespace

bool Prober::worth(const Situation& situation, TimePoint now) const {
  if (situation.goal <= situation.estimate || !situation.calm) return false;
  if (starting_ || again_ || situation.application_limited) return true;
  return now - lost_at_ < kRemembered && situation.estimate < kLargeDrop * lost_rate_;
}

std::size_t Prober::step(const Situation& situation, TimePoint now) {
  if (cluster_) {
    if (now < cluster_->ends()) return cluster_->due(now);
    if (now - cluster_->ends() < limits_.lost_after) return 0;
    cluster_.reset();
    again_ = starting_ = false;
    next_at_ = now + wait_;
  }
  const bool at_once = fallen_ && situation.application_limited && situation.drained &&
                       now - fell_at_ >= limits_.calm_after && situation.estimate < kLargeDrop * lost_rate_;
  if ((now < next_at_ && !at_once) || !worth(situation, now)) return 0;
  const double step = at_once ? kGentleStep : kStep;
  const double rate = std::min({step * situation.estimate, kBeyondGoal * situation.goal, limits_.max_rate});
  if (rate <= situation.estimate) return 0;
  fallen_ = false;
  if (++last_id_ == 0) ++last_id_;
  cluster_.emplace(last_id_, rate, now);
  return cluster_->due(now);
}

void Prober::on_arrival(const Arrival& arrival) {
  if (cluster_ && arrival.probe == cluster_->id()) cluster_->on_arrival(arrival);
}

std::optional<Prober::Answer> Prober::take_answer(double estimate, TimePoint now) {
  if (!cluster_ || now < cluster_->ends()) return std::nullopt;
  // Feedback tells of packets in order: with all of it in, or some time after, nothing more will come.
  const Duration whole = cluster_->ends() - cluster_->began();
  if (!cluster_->complete() && now < cluster_->ends() + whole + 6 * kGrace) return std::nullopt;
  std::optional<double> measured = cluster_->measured();
  if (measured) measured = std::min(*measured, kBelieved * cluster_->rate());
  again_ = measured && *measured >= kSuccess * cluster_->rate() && *measured >= kNews * estimate;
  const bool at_start = starting_;
  if (again_) {
    wait_ = limits_.first_wait;
    next_at_ = now;
  } else {
    starting_ = false;
    next_at_ = now + wait_;
    wait_ = std::min(wait_ * 3 / 2, limits_.longest_wait);
  }
  cluster_.reset();
  if (!measured) return std::nullopt;
  return Answer{*measured, at_start};
}

void Prober::on_decrease(double before, TimePoint now) {
  // The first of several decreases counts.
  if (now - lost_at_ > kRemembered || before > lost_rate_) {
    lost_rate_ = before;
    lost_at_ = now;
  }
  starting_ = again_ = false;
  // Several decreases in a row are one fall; a path that is always full is not probed at each.
  if (now - fell_at_ > kQuiet) fallen_ = true;
  fell_at_ = now;
  next_at_ = std::max(next_at_, now + limits_.first_wait);
}

}  // namespace roomgate::sfu::congestion
