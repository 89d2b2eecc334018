#include "sfu/congestion/acknowledged_rate.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {
namespace {

constexpr std::int64_t kFirstWindow = 500'000;  // microseconds
constexpr std::int64_t kWindow = 250'000;
constexpr std::int64_t kPause = 2'000'000;  // nothing was sent for so long: no rate to speak of
constexpr double kWeight = 0.5;
constexpr double kFall = 0.5;  // of the rate so far: no noise, the path has become another

}  // namespace

void AcknowledgedRate::on_arrival(const Arrival& arrival, bool congested) {
  if (!begun_ || arrival.sent - first_sent_ > kPause) {
    begun_ = true;
    first_sent_ = arrival.sent;
    first_arrived_ = arrival.arrived;
    bytes_ = arrival.bytes;
    return;
  }
  const std::int64_t span = std::max(arrival.sent - first_sent_, arrival.arrived - first_arrived_);
  // The packet that ends the window is the next one's first: its bytes took time that comes.
  if (span >= (rate_ ? kWindow : kFirstWindow)) {
    const double sample = static_cast<double>(bytes_) * 8e6 / static_cast<double>(span);
    const bool anew = !rate_ || (congested && sample < kFall * *rate_);
    rate_ = anew ? sample : *rate_ + kWeight * (sample - *rate_);
    first_sent_ = arrival.sent;
    first_arrived_ = arrival.arrived;
    bytes_ = 0;
  }
  bytes_ += arrival.bytes;
}

}  // namespace roomgate::sfu::congestion
