#include "sfu/bridge/stress.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {
namespace {

double seconds_of(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void StressMeter::on_sample(const StressSample& sample) {
  const double elapsed = seconds_of(sample.elapsed);
  if (elapsed <= 0) return;
  double now = seconds_of(sample.worked) / elapsed / limits_.busy;
  now = std::max(now, seconds_of(sample.lag) / seconds_of(limits_.lag));
  if (limits_.packets_per_second > 0) {
    now = std::max(now, static_cast<double>(sample.packets) / elapsed / limits_.packets_per_second);
  }
  now = std::clamp(now, 0.0, limits_.most);
  value_ += (now > value_ ? limits_.rise : limits_.fall) * (now - value_);
}

}  // namespace roomgate::sfu::bridge
