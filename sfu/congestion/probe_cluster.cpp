#include "sfu/congestion/probe_cluster.hpp"

#include <algorithm>

namespace roomgate::sfu::congestion {
namespace {

constexpr double kBurst = 0.010;          // s ahead of time: what leaves at once
constexpr std::int64_t kOneBurst = 1000;  // microseconds

}  // namespace

ProbeCluster::ProbeCluster(std::uint8_t id, double rate, TimePoint now) : id_(id), rate_(rate), began_(now) {
  const auto for_bytes = std::chrono::duration<double>(kLeastBytes * 8 / rate);
  ends_ = now + std::max(kLeastLength, std::chrono::duration_cast<Duration>(for_bytes));
}

std::size_t ProbeCluster::due(TimePoint now) const {
  const double elapsed = std::chrono::duration<double>(std::min(now, ends_) - began_).count();
  const double wanted = rate_ * (elapsed + kBurst) / 8;
  return wanted > static_cast<double>(sent_bytes_) ? static_cast<std::size_t>(wanted) - sent_bytes_ : 0;
}

void ProbeCluster::on_arrival(const Arrival& arrival) {
  if (arrivals_ == 0) {
    first_sent_ = last_sent_ = arrival.sent;
    first_arrived_ = last_arrived_ = arrival.arrived;
    first_bytes_ = arrival.bytes;
  }
  if (arrival.sent > last_sent_ + kOneBurst) {
    last_sent_ = arrival.sent;
    last_burst_ = 0;
  }
  last_burst_ += arrival.bytes;
  if (arrival.arrived < first_arrived_) {
    first_arrived_ = arrival.arrived;
    first_bytes_ = arrival.bytes;
  }
  last_arrived_ = std::max(last_arrived_, arrival.arrived);
  ++arrivals_;
  arrived_bytes_ += arrival.bytes;
}

std::optional<double> ProbeCluster::measured() const {
  const std::int64_t sending = last_sent_ - first_sent_;
  const std::int64_t arriving = last_arrived_ - first_arrived_;
  if (arrivals_ < kLeastArrivals || arrived_bytes_ < sent_bytes_ / 10 * 8 || sending <= 0)
    return std::nullopt;
  const double left = static_cast<double>(arrived_bytes_ - last_burst_) * 8e6 / static_cast<double>(sending);
  if (arriving <= 0) return left;
  const double came =
      static_cast<double>(arrived_bytes_ - first_bytes_) * 8e6 / static_cast<double>(arriving);
  return std::min(left, came);
}

}  // namespace roomgate::sfu::congestion
