// Which packets to ask for again, and when, as Chromium does: at once when a later packet has come (or after
// as many later ones as reordering has been seen to take), then once each round trip, ten times at most; a
// list of more than 1000 is given up for a key frame. One per video stream of a receiver.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>

#include "base/clock.hpp"

namespace roomgate::bench::roomload::media {

class NackList {
 public:
  // Numbers without wraps. True when the list was given up: a key frame is wanted.
  bool on_gap(std::int64_t first, std::int64_t last);
  // One that was missing. True when it had been asked for.
  bool on_late(std::int64_t number, std::int64_t newest, bool repaired);
  // Those never asked for whose time by number has come.
  std::size_t due_by_number(std::int64_t newest, TimePoint now, std::span<std::uint16_t> out);
  // Those asked for a round trip ago. Every kInterval.
  std::size_t due_by_time(TimePoint now, std::span<std::uint16_t> out);
  // Nothing below is wanted any more: a key frame made it needless, or it is too old.
  void forget_before(std::int64_t number);
  void clear() {
    missing_.clear();
    unasked_ = 0;
  }
  bool empty() const { return missing_.empty(); }
  bool has_new() const { return unasked_ > 0; }

  static constexpr Duration kInterval = milliseconds(20);

 private:
  static constexpr std::size_t kMaxMissing = 1000;
  static constexpr std::uint8_t kMaxTries = 10;
  static constexpr std::int64_t kMaxAge = 10'000;
  // A receiver that sends nothing never learns its round trip: Chromium then takes this one.
  static constexpr Duration kRoundTrip = milliseconds(100);
  static constexpr std::size_t kReorderings = 10;  // a histogram's bins, and the median decides
  static constexpr std::size_t kMaxSeen = 128;

  struct Missing {
    std::int64_t number = 0;
    std::int64_t ask_at = 0;  // when this number has come
    TimePoint asked{};
    std::uint8_t tries = 0;
  };
  std::int64_t patience() const;

  std::deque<Missing> missing_;  // ascending
  std::size_t unasked_ = 0;
  std::array<std::uint16_t, kReorderings> reordered_{};
  std::array<std::uint8_t, kMaxSeen> seen_{};  // a ring of bins
  std::size_t seen_count_ = 0;
};

}  // namespace roomgate::bench::roomload::media
