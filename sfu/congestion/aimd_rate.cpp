#include "sfu/congestion/aimd_rate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kBeta = 0.85;
constexpr double kGrowth = 1.08;          // a second
constexpr double kHeadroom = 1.5;         // above what arrived, so much at most
constexpr double kHeadroomBits = 10'000;  // and this, for rates near nothing
constexpr double kPacketBits = 1200 * 8;
constexpr double kResponse = 0.1;  // s beyond the round trip until an increase shows
constexpr double kCapacityWeight = 0.05;
constexpr Duration kSeries = milliseconds(1500);
constexpr double kFirstOfSeries = 0.7;
constexpr double kNear = 3;  // deviations
constexpr double kMaxElapsed = 1;

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void AimdRate::Capacity::add(double acknowledged) {
  if (!known) {
    known = true;
    mean = acknowledged;
    deviation = 0.1 * acknowledged;
    return;
  }
  const double error = acknowledged - mean;
  mean += kCapacityWeight * error;
  deviation += kCapacityWeight * (std::fabs(error) - deviation);
  // So steady a path is none, and so unsteady a one is not known.
  deviation = std::clamp(deviation, 0.02 * mean, 0.1 * mean);
}

bool AimdRate::update(const Input& input, TimePoint now) {
  const double elapsed =
      updated_ == TimePoint{} ? 0 : std::clamp(in_seconds(now - updated_), 0.0, kMaxElapsed);
  updated_ = now;
  switch (input.usage) {
    case Usage::over: {
      // Again only when the last decrease can have shown.
      if (now - decreased_ < input.round_trip + milliseconds(100)) return false;
      const double before = rate_;
      decrease(input, now);
      return rate_ < before;
    }
    case Usage::under: holding_ = true; return false;
    case Usage::normal:
      // The first quiet update after an over- or underuse only ends the waiting.
      if (!std::exchange(holding_, false)) increase(input, elapsed);
      return false;
  }
  return false;
}

void AimdRate::increase(const Input& input, double elapsed) {
  if (input.application_limited) return;
  if (input.acknowledged && capacity_.known &&
      *input.acknowledged > capacity_.mean + kNear * capacity_.deviation) {
    capacity_.known = false;  // the path is wider than it was
  }
  const bool near = capacity_.known && rate_ > capacity_.mean - kNear * capacity_.deviation;
  double grown = rate_;
  if (near) {
    grown += kPacketBits * elapsed / (in_seconds(input.round_trip) + kResponse);
  } else {
    grown += std::max(rate_ * (std::pow(kGrowth, elapsed) - 1), 1000 * elapsed);
  }
  const double most = input.acknowledged ? kHeadroom * *input.acknowledged + kHeadroomBits : rate_;
  rate_ = std::clamp(std::max(rate_, std::min(grown, most)), limits_.min, limits_.max);
}

void AimdRate::decrease(const Input& input, TimePoint now) {
  const bool again = now - decreased_ < kSeries;
  decreased_ = now;
  holding_ = true;
  double target = kBeta * input.acknowledged.value_or(rate_);
  if (input.acknowledged) {
    if (capacity_.known && *input.acknowledged < capacity_.mean - kNear * capacity_.deviation) {
      capacity_.known = false;  // the path has become thinner
    }
    // Little arrived because little was sent, so a moment's stall is no news of what the path carries; a
    // queue that goes on growing is.
    if (input.application_limited && !again) target = std::max(target, kFirstOfSeries * rate_);
    if (!input.application_limited) capacity_.add(*input.acknowledged);
  }
  rate_ = std::clamp(std::min(rate_, target), limits_.min, limits_.max);
}

void AimdRate::set(double rate) {
  rate_ = std::clamp(rate, limits_.min, limits_.max);
  holding_ = false;
}

}  // namespace roomgate::sfu::congestion
