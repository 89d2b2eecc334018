// Who of a large room is on air: at most so many at once, since nobody understands more and every receiver
// would pay for them. A place is kept while nobody needs it. Whoever begins to speak gets a free one with
// the first packet that is loud enough, or that of whoever has been quiet the longest; only when all are
// speaking, and by a clear margin, that of the softest. Sans I/O, O(places) a packet; one per conference and
// worker.
#pragma once

#include <cstdint>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::sfu::receive {

class LoudestFew {
 public:
  struct Limits {
    std::size_t places = 6;       // 0: no bound
    std::size_t from = 12;        // with fewer microphones than this everybody is on air
    std::uint8_t voice = 60;      // -dBov; what is softer is a quiet room
    double margin = 10;           // dB louder than the softest of those who speak
    double smoothing = 0.1;       // of loudness, per packet of 20 ms
    Duration pause = seconds(1);  // between words and sentences one still speaks
  };

  // One microphone; its owner keeps it.
  struct Voice {
    double loudness = 0;  // dB above silence while speaking, smoothed: pauses do not count
    TimePoint spoke{};
    bool has_place = false;
  };

  explicit LoudestFew(const Limits& limits) : limits_(limits) {}

  // A packet with this RFC 6464 level (0 loudest, 127 silence).
  void on_level(Voice& voice, std::uint8_t level, TimePoint now);
  // Gives the place back; before a voice ceases to exist.
  void remove(Voice& voice);
  // How many microphones the room has.
  void set_microphones(std::size_t count) { limited_ = limits_.places > 0 && count >= limits_.from; }

  bool on_air(const Voice& voice) const { return !limited_ || voice.has_place; }

 private:
  Voice* replaceable(const Voice& by, TimePoint now);

  Limits limits_;
  bool limited_ = false;
  std::vector<Voice*> places_;
};

}  // namespace roomgate::sfu::receive
