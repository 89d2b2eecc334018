#include "sfu/receive/keyframe_requester.hpp"

#include <algorithm>

namespace roomgate::sfu::receive {

void KeyframeRequester::request(TimePoint now) {
  if (waiting_) return;
  waiting_ = true;
  repeats_ = 0;
  next_ = sent_any_ ? std::max(now, last_sent_ + limits_.min_interval) : now;
}

void KeyframeRequester::on_keyframe() { waiting_ = false; }

void KeyframeRequester::cancel() { waiting_ = false; }

bool KeyframeRequester::due(TimePoint now) {
  if (!waiting_ || now < next_) return false;
  if (repeats_ > limits_.max_repeats) {
    waiting_ = false;
    return false;
  }
  ++repeats_;
  sent_any_ = true;
  last_sent_ = now;
  const Duration first =
      std::clamp(round_trip_ + limits_.encoding, limits_.min_interval, limits_.max_first_repeat);
  next_ = now + std::min(first * repeats_, limits_.max_repeat);
  return true;
}

std::optional<TimePoint> KeyframeRequester::next() const {
  if (!waiting_) return std::nullopt;
  return next_;
}

}  // namespace roomgate::sfu::receive
