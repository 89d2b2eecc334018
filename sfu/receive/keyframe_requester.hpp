// When to ask one source layer for a key frame. Receivers ask as often as they like; the sender hears at
// once, then not more than once in min_interval (browsers ignore more), and again, when one could have been
// there, until it came. One per layer, on the worker.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace roomgate::sfu::receive {

class KeyframeRequester {
 public:
  struct Limits {
    Duration min_interval = milliseconds(300);
    Duration encoding = milliseconds(200);  // beyond the round trip, until a key frame can be there
    Duration max_first_repeat = milliseconds(800);
    Duration max_repeat = milliseconds(1500);
    std::uint8_t max_repeats = 20;  // a sender that ignores so many has no picture to give
  };

  explicit KeyframeRequester(Limits limits) : limits_(limits) {}
  KeyframeRequester() : KeyframeRequester(Limits{}) {}

  // To the sender.
  void on_round_trip(Duration round_trip) { round_trip_ = round_trip; }
  // Somebody needs a key frame. Follow with due().
  void request(TimePoint now);
  // The first packet of a key frame arrived.
  void on_keyframe();
  // Nobody needs it any more.
  void cancel();

  // True when a PLI is to be sent now; counts it as sent.
  bool due(TimePoint now);
  // When due() will next be true; empty when nothing is wanted.
  std::optional<TimePoint> next() const;
  bool waiting() const { return waiting_; }

 private:
  Limits limits_;
  bool waiting_ = false;
  bool sent_any_ = false;
  TimePoint last_sent_{};
  TimePoint next_{};
  std::uint8_t repeats_ = 0;
  Duration round_trip_ = milliseconds(100);
};

}  // namespace roomgate::sfu::receive
