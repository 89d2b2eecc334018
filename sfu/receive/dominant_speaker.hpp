// Who is speaking (Volfin and Cohen, with the constants of Jitsi): from RFC 6464 levels alone, on three time
// scales, decided every 300 ms; a challenger must win on all three. One per conference, on its home worker;
// takes `now`.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"

namespace roomgate::sfu::receive {

// The bridge's number for an endpoint; never reused within a conference.
using SpeakerId = std::uint64_t;

// One participant's recent levels, and their scores. Used by DominantSpeaker; apart, so that tests reach it.
class SpeakerActivity {
 public:
  explicit SpeakerActivity(TimePoint now);

  // `volume` is 0 (silent) to 127: 127 less the RFC 6464 level. Fills one sample per 20 ms since the last; of
  // a long gap only the last kMaxPacketSamples, the rest was silence.
  void on_volume(int volume, TimePoint now);
  // Fills silence when no packet came for longer than a packet lasts and `after` more.
  void on_no_packet(Duration after, TimePoint now);
  void evaluate();

  double immediate_score() const { return immediate_score_; }
  double medium_score() const { return medium_score_; }
  double long_score() const { return long_score_; }
  TimePoint last_heard() const { return last_heard_; }
  int noise_floor() const { return noise_floor_; }

  static constexpr std::size_t kImmediates = 50;
  static constexpr std::size_t kMediums = 10;
  static constexpr std::size_t kLongs = 1;
  static constexpr std::int64_t kMaxPacketSamples = 3;  // opus packets last 60 ms at most

 private:
  void push(int volume, std::int64_t samples);
  void track_noise_floor(int volume);
  bool compute_immediates();

  std::array<std::uint8_t, kImmediates> levels_{};  // newest first, as are all four
  std::array<std::uint8_t, kImmediates> immediates_{};
  std::array<std::uint8_t, kMediums> mediums_{};
  std::array<std::uint8_t, kLongs> longs_{};
  double immediate_score_;
  double medium_score_;
  double long_score_;
  int noise_floor_ = 0;       // 0: none yet
  int next_noise_floor_ = 0;  // the minimum of the window under way
  int window_ = 0;            // samples in it
  TimePoint filled_until_;    // samples exist up to here
  TimePoint last_heard_;      // last packet
};

class DominantSpeaker {
 public:
  struct Limits {
    std::size_t max_speakers = 4096;
    std::size_t recent = 10;
    Duration decision_interval = milliseconds(300);
    Duration silence_after = milliseconds(40);  // without a packet the level counts as silence
    Duration forget_after = std::chrono::hours(1);
  };

  explicit DominantSpeaker(Limits limits);
  DominantSpeaker() : DominantSpeaker(Limits{}) {}

  // An authenticated audio packet of `speaker` with this RFC 6464 level (0 loudest, 127 silence).
  void on_level(SpeakerId speaker, std::uint8_t level, TimePoint now);
  // True when somebody else became dominant(). Call when next() has come.
  bool tick(TimePoint now);
  TimePoint next() const;
  void remove(SpeakerId speaker);

  std::optional<SpeakerId> dominant() const { return dominant_; }
  // Newest first, the dominant one in front: at most `recent`.
  std::span<const SpeakerId> recent() const { return recent_; }

 private:
  void time_out(TimePoint now);
  std::optional<SpeakerId> decide();
  void become_dominant(SpeakerId speaker);

  Limits limits_;
  std::unordered_map<SpeakerId, SpeakerActivity> speakers_;
  std::vector<SpeakerId> order_;  // by arrival: decisions do not depend on hashing
  std::optional<SpeakerId> dominant_;
  std::vector<SpeakerId> recent_;
  bool started_ = false;
  TimePoint last_decision_{};
};

}  // namespace roomgate::sfu::receive
