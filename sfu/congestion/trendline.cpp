#include "sfu/congestion/trendline.hpp"

#include <algorithm>
#include <cmath>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kSmoothing = 0.9;
constexpr double kGain = 4;
constexpr std::size_t kMaxDeltas = 60;  // more history does not make a slope mean more
constexpr double kOverTime = 10;        // ms above the threshold that make it overuse
// The draft's K_u and K_d: the threshold rises slower than it falls.
constexpr double kRise = 0.0087;
constexpr double kFall = 0.039;
constexpr double kMinThreshold = 6;
constexpr double kMaxThreshold = 600;
constexpr double kOutlier = 15;         // ms beyond the threshold: a spike, not the path's habit
constexpr double kLowestSpan = 10'000;  // ms
constexpr double kLongestGap = 100;     // ms between adaptations that count

}  // namespace

Usage Trendline::on_group(const GroupDelta& group) {
  if (count_ == 0) first_at_ = group.at;
  accumulated_ += group.arrived - group.sent;
  note_lowest(group.at);
  smoothed_ = kSmoothing * smoothed_ + (1 - kSmoothing) * accumulated_;
  points_[count_ % kWindow] = {group.at - first_at_, smoothed_};
  ++count_;
  const double trend = count_ >= kWindow ? slope() : previous_trend_;
  detect(trend, group.sent, group.at);
  return usage_;
}

double Trendline::queued() const { return smoothed_ - std::min(lowest_, lowest_before_); }

void Trendline::note_lowest(double at) {
  if (count_ == 0) lowest_since_ = at;
  if (at - lowest_since_ >= kLowestSpan) {
    lowest_before_ = lowest_;
    lowest_ = accumulated_;
    lowest_since_ = at;
  }
  lowest_ = std::min(lowest_, accumulated_);
}

double Trendline::slope() const {
  double at = 0;
  double delay = 0;
  for (const Point& point : points_) {
    at += point.at;
    delay += point.delay;
  }
  at /= kWindow;
  delay /= kWindow;
  double above = 0;
  double below = 0;
  for (const Point& point : points_) {
    above += (point.at - at) * (point.delay - delay);
    below += (point.at - at) * (point.at - at);
  }
  return below > 0 ? above / below : previous_trend_;
}

void Trendline::detect(double trend, double sent_delta, double at) {
  const double modified = static_cast<double>(std::min(count_, kMaxDeltas)) * trend * kGain;
  if (modified > threshold_) {
    over_for_ = over_for_ < 0 ? sent_delta / 2 : over_for_ + sent_delta;
    ++over_count_;
    // A queue that drains already needs no further decrease.
    if (over_for_ > kOverTime && over_count_ > 1 && trend >= previous_trend_) {
      over_for_ = 0;
      over_count_ = 0;
      usage_ = Usage::over;
    }
  } else {
    over_for_ = -1;
    over_count_ = 0;
    usage_ = modified < -threshold_ ? Usage::under : Usage::normal;
  }
  previous_trend_ = trend;
  adapt(modified, at);
}

void Trendline::adapt(double modified, double at) {
  if (adapted_at_ < 0) adapted_at_ = at;
  const double size = std::fabs(modified);
  if (size <= threshold_ + kOutlier) {
    const double gain = size < threshold_ ? kFall : kRise;
    const double elapsed = std::clamp(at - adapted_at_, 0.0, kLongestGap);
    threshold_ = std::clamp(threshold_ + gain * (size - threshold_) * elapsed, kMinThreshold, kMaxThreshold);
  }
  adapted_at_ = at;
}

}  // namespace roomgate::sfu::congestion
