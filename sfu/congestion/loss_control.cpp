#include "sfu/congestion/loss_control.hpp"

#include <algorithm>
#include <cmath>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kLow = 0.02;
constexpr double kHigh = 0.10;
constexpr double kGrowth = 1.08;  // a second
constexpr double kRising = 1.1;
constexpr double kSmoothing = 0.4;
constexpr unsigned kPackets = 40;  // fewer say little
constexpr Duration kInterval = milliseconds(200);
constexpr Duration kBetweenDecreases = milliseconds(300);  // and a round trip
constexpr double kMuchLess = 0.7;  // of the rate: then loss that we cause would have gone down
constexpr double kFlood = 0.3;
constexpr double kArrives = 0.85;  // of what arrived: below that nothing is lost for sending too much
constexpr double kForget = 0.2;    // of what the path loses less than it did, per interval

}  // namespace

bool LossControl::update(const Input& input, TimePoint now) {
  arrived_ += input.arrived;
  lost_ += input.lost;
  if (judged_ == TimePoint{}) judged_ = now;
  const Duration elapsed = now - judged_;
  if (arrived_ + lost_ < kPackets || elapsed < kInterval) return false;
  const double sample = static_cast<double>(lost_) / static_cast<double>(arrived_ + lost_);
  loss_ += kSmoothing * (sample - loss_);
  arrived_ = lost_ = 0;
  judged_ = now;
  if (loss_ < own_loss_) own_loss_ += kForget * (loss_ - own_loss_);

  const double excess = std::max(0.0, loss_ - own_loss_);
  if (excess <= kLow) {
    const double seconds = std::min(std::chrono::duration<double>(elapsed).count(), 1.0);
    rate_ = std::min(rate_ * std::pow(kGrowth, seconds) + 1000, std::max(input.allowed, rate_));
    episode_loss_ = 0;
    return false;
  }
  if (excess <= kHigh || now - decreased_ < kBetweenDecreases + input.round_trip) return false;
  const double from = std::min(rate_, input.allowed);
  if (episode_loss_ > 0 && from < kMuchLess * episode_rate_) {
    judge_episode(from);
    if (loss_ - own_loss_ <= kHigh) return false;
  }
  if (episode_loss_ == 0) {
    episode_loss_ = loss_;
    episode_rate_ = from;
  }
  rate_ = from * (1 - 0.5 * excess);
  if (input.acknowledged) {
    if (sample - own_loss_ > kFlood) {
      // So much is lost by sending far more than the path carries: what arrived is what it carries.
      rate_ = std::min(rate_, *input.acknowledged);
    } else {
      rate_ = std::max(rate_, std::min(from, kArrives * *input.acknowledged));
    }
  }
  rate_ = std::max(rate_, least_);
  decreased_ = now;
  return rate_ < from;
}

// The same packets arriving although less was sent is loss that we caused. A loss nearer to what it was than
// to what it would then be is the path's own.
void LossControl::judge_episode(double rate) {
  if (loss_ > kRising * episode_loss_) {  // it has only begun: nothing to compare with yet
    episode_loss_ = 0;
    return;
  }
  const double if_caused = std::max(0.0, 1 - (1 - episode_loss_) * episode_rate_ / rate);
  if (loss_ > (episode_loss_ + if_caused) / 2) own_loss_ = std::max(own_loss_, loss_);
  episode_loss_ = 0;
}

}  // namespace roomgate::sfu::congestion
