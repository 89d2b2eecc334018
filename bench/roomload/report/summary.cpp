#include "bench/roomload/report/summary.hpp"

#include <algorithm>

namespace roomgate::bench::roomload::report {
namespace {

// More in one second than any ramp brings; beyond it only the count would grow.
constexpr std::size_t kMaxJoins = 4096;

}  // namespace

void Timeline::on_joined(Duration took) {
  if (joins_.size() < kMaxJoins) joins_.push_back(took);
}

void Timeline::sample(TimePoint now, std::uint32_t participants, const media::Totals& totals) {
  if (++skipped_ < skip_ || now <= last_) return;
  skipped_ = 0;
  const double passed = std::chrono::duration<double>(now - last_).count();
  const auto rate = [&](std::uint64_t after, std::uint64_t before) {
    return static_cast<double>(after - before) * 8 / passed;
  };
  Point point{.at = now - start_, .participants = participants};
  point.bits_in = rate(totals.audio.bytes + totals.video.bytes, before_.audio.bytes + before_.video.bytes);
  point.bits_out = rate(totals.sent.bytes, before_.sent.bytes);
  const std::uint64_t expected =
      totals.audio.expected + totals.video.expected - before_.audio.expected - before_.video.expected;
  const std::uint64_t packets =
      totals.audio.packets + totals.video.packets - before_.audio.packets - before_.video.packets;
  // What is repaired in a later second makes that one have more than it expects: no loss, not less than none.
  if (expected > packets)
    point.loss = static_cast<double>(expected - packets) / static_cast<double>(expected);
  point.freezes = totals.video.freezes - before_.video.freezes;
  media::Histogram latency = totals.audio.latency.since(before_.audio.latency);
  latency.add(totals.video.latency.since(before_.video.latency));
  point.latency_p50 = latency.quantile(0.5);
  point.latency_p99 = latency.quantile(0.99);
  if (!joins_.empty()) {
    std::sort(joins_.begin(), joins_.end());
    point.join_p50 = joins_[(joins_.size() - 1) / 2];
    point.join_max = joins_.back();
    joins_.clear();
  }
  before_ = totals;
  last_ = now;
  points_.push_back(point);
  if (points_.size() > kMaxPoints) halve();
}

void Timeline::halve() {
  std::vector<Point> kept;
  for (std::size_t i = 0; i + 1 < points_.size(); i += 2) {
    const Point& a = points_[i];
    Point b = points_[i + 1];
    // The two are equally long: averages of rates, the worse of what must not be hidden.
    b.bits_in = (a.bits_in + b.bits_in) / 2;
    b.bits_out = (a.bits_out + b.bits_out) / 2;
    b.loss = (a.loss + b.loss) / 2;
    b.freezes += a.freezes;
    b.latency_p50 = std::max(a.latency_p50, b.latency_p50);
    b.latency_p99 = std::max(a.latency_p99, b.latency_p99);
    if (!b.join_p50) b.join_p50 = a.join_p50;
    if (!b.join_max || (a.join_max && *a.join_max > *b.join_max)) b.join_max = a.join_max;
    kept.push_back(b);
  }
  if (points_.size() % 2 == 1) kept.push_back(points_.back());
  points_ = std::move(kept);
  skip_ *= 2;
}

bool Summary::nothing_arrived() const {
  return media_expected && totals.sent.packets > 0 && totals.audio.packets + totals.video.packets == 0;
}

bool Summary::passed() const {
  return !nothing_arrived() &&
         std::all_of(thresholds.begin(), thresholds.end(), [](const Threshold& t) { return t.met; });
}

}  // namespace roomgate::bench::roomload::report
