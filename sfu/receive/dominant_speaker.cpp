#include "sfu/receive/dominant_speaker.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace roomgate::sfu::receive {
namespace {

constexpr Duration kSample = milliseconds(20);
constexpr int kMaxVolume = 127;
constexpr int kStep = 10;          // volume per immediate step: 128 values in 13 steps
constexpr int kFloorWindow = 750;  // samples: 15 s
constexpr std::uint8_t kMediumThreshold = 7;
constexpr std::uint8_t kLongThreshold = 4;
constexpr double kMinScore = 1e-10;

// One time scale: how many steps there are, and the exponential model of silence.
struct Scale {
  int steps;
  double lambda;
};
constexpr Scale kImmediate{13, 0.78};
constexpr Scale kMedium{5, 24};
constexpr Scale kLong{10, 47};

// By how much a challenger must lead, as log ratios.
constexpr double kImmediateLead = 3;
constexpr double kMediumLead = 2;
constexpr double kLongLead = 0;

double binomial(int n, int k) {
  k = std::min(k, n - k);
  double product = 1;
  for (int i = 1; i <= k; ++i) product = product * (n - k + i) / i;
  return product;
}

// Log likelihood of `active` active steps under speech (binomial, p = 0.5) over that under silence
// (exponential).
double score(int active, const Scale& scale) {
  const double ratio = std::log(binomial(scale.steps, active)) + scale.steps * std::log(0.5) -
                       std::log(scale.lambda) + scale.lambda * active;
  return std::max(ratio, kMinScore);
}

// bigs[b] = how many of its share of littles exceed the threshold. True when any changed.
bool summarize(std::span<const std::uint8_t> littles, std::span<std::uint8_t> bigs, std::uint8_t threshold) {
  const std::size_t share = littles.size() / bigs.size();
  bool changed = false;
  for (std::size_t b = 0; b < bigs.size(); ++b) {
    std::uint8_t sum = 0;
    for (const std::uint8_t little : littles.subspan(b * share, share)) {
      if (little > threshold) ++sum;
    }
    if (bigs[b] != sum) {
      bigs[b] = sum;
      changed = true;
    }
  }
  return changed;
}

}  // namespace

SpeakerActivity::SpeakerActivity(TimePoint now)
    : immediate_score_(kMinScore),
      medium_score_(kMinScore),
      long_score_(kMinScore),
      filled_until_(now),
      last_heard_(now) {}

void SpeakerActivity::push(int volume, std::int64_t samples) {
  const auto count = static_cast<std::size_t>(std::clamp<std::int64_t>(samples, 0, kImmediates));
  std::memmove(levels_.data() + count, levels_.data(), levels_.size() - count);
  std::memset(levels_.data(), volume, count);
}

void SpeakerActivity::on_volume(int volume, TimePoint now) {
  if (now < filled_until_) return;  // a late level tells about a moment already judged
  volume = std::clamp(volume, 0, kMaxVolume);
  const std::int64_t elapsed = std::max<std::int64_t>(1, (now - filled_until_) / kSample);
  push(0, elapsed - kMaxPacketSamples);
  push(volume, std::min(elapsed, kMaxPacketSamples));
  track_noise_floor(volume);
  filled_until_ = now;
  last_heard_ = now;
}

void SpeakerActivity::on_no_packet(Duration after, TimePoint now) {
  const Duration idle = now - filled_until_;
  if (idle <= after + kSample) return;
  const std::int64_t samples = (idle - after) / kSample;
  push(0, samples);
  filled_until_ += kSample * samples;
}

void SpeakerActivity::track_noise_floor(int volume) {
  if (volume == 0) return;  // digital silence says nothing about the room
  if (noise_floor_ == 0 || volume < noise_floor_) {
    noise_floor_ = volume;
    next_noise_floor_ = 0;
    window_ = 0;
    return;
  }
  if (next_noise_floor_ == 0) {
    next_noise_floor_ = volume;
    window_ = 1;
    return;
  }
  next_noise_floor_ = std::min(next_noise_floor_, volume);
  if (++window_ < kFloorWindow) return;
  // The geometric mean of old and new minimum: it rises slowly, as a floor should.
  noise_floor_ = static_cast<int>(std::sqrt(static_cast<double>(noise_floor_) * next_noise_floor_));
  next_noise_floor_ = 0;
  window_ = 0;
}

bool SpeakerActivity::compute_immediates() {
  const int least = noise_floor_ + kStep;
  bool changed = false;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    const int volume = levels_[i] < least ? 0 : levels_[i];
    const auto immediate = static_cast<std::uint8_t>(volume / kStep);
    if (immediates_[i] != immediate) {
      immediates_[i] = immediate;
      changed = true;
    }
  }
  return changed;
}

void SpeakerActivity::evaluate() {
  if (!compute_immediates()) return;
  immediate_score_ = score(immediates_[0], kImmediate);
  if (!summarize(immediates_, mediums_, kMediumThreshold)) return;
  medium_score_ = score(mediums_[0], kMedium);
  if (!summarize(mediums_, longs_, kLongThreshold)) return;
  long_score_ = score(longs_[0], kLong);
}

DominantSpeaker::DominantSpeaker(Limits limits) : limits_(limits) { recent_.reserve(limits_.recent + 1); }

void DominantSpeaker::on_level(SpeakerId speaker, std::uint8_t level, TimePoint now) {
  auto found = speakers_.find(speaker);
  if (found == speakers_.end()) {
    if (speakers_.size() >= limits_.max_speakers) return;
    found = speakers_.emplace(speaker, SpeakerActivity(now)).first;
    order_.push_back(speaker);
    if (!started_) {
      started_ = true;
      last_decision_ = now - limits_.decision_interval;
    }
  }
  found->second.on_volume(kMaxVolume - std::min<int>(level, kMaxVolume), now);
}

TimePoint DominantSpeaker::next() const {
  return started_ ? last_decision_ + limits_.decision_interval : TimePoint::max();
}

bool DominantSpeaker::tick(TimePoint now) {
  if (!started_ || now < next()) return false;
  last_decision_ = now;
  time_out(now);
  const auto winner = decide();
  if (!winner || winner == dominant_) return false;
  become_dominant(*winner);
  return true;
}

void DominantSpeaker::remove(SpeakerId speaker) {
  if (speakers_.erase(speaker) > 0) std::erase(order_, speaker);
  std::erase(recent_, speaker);
  if (dominant_ == speaker) dominant_.reset();
}

void DominantSpeaker::time_out(TimePoint now) {
  std::erase_if(order_, [&](SpeakerId id) {
    const auto found = speakers_.find(id);
    if (id == dominant_ || now - found->second.last_heard() <= limits_.forget_after) {
      found->second.on_no_packet(limits_.silence_after, now);
      return false;
    }
    speakers_.erase(found);
    return true;
  });
}

std::optional<SpeakerId> DominantSpeaker::decide() {
  if (order_.empty()) return std::nullopt;
  if (order_.size() == 1) return order_.front();
  // Without a dominant speaker one is nominated, and the others compete with it.
  const SpeakerId defender = dominant_.value_or(order_.front());
  const auto defending = speakers_.find(defender);
  if (defending == speakers_.end()) return order_.front();
  std::optional<SpeakerId> winner;
  if (!dominant_) winner = defender;
  SpeakerActivity& held = defending->second;
  held.evaluate();
  double best = kMediumLead;
  for (const SpeakerId id : order_) {
    if (id == defender) continue;
    SpeakerActivity& challenger = speakers_.find(id)->second;
    challenger.evaluate();
    const double immediate = std::log(challenger.immediate_score() / held.immediate_score());
    const double medium = std::log(challenger.medium_score() / held.medium_score());
    const double longer = std::log(challenger.long_score() / held.long_score());
    if (immediate > kImmediateLead && medium > kMediumLead && longer > kLongLead && medium > best) {
      best = medium;
      winner = id;
    }
  }
  return winner;
}

void DominantSpeaker::become_dominant(SpeakerId speaker) {
  dominant_ = speaker;
  std::erase(recent_, speaker);
  recent_.insert(recent_.begin(), speaker);
  if (recent_.size() > limits_.recent) recent_.pop_back();
}

}  // namespace roomgate::sfu::receive
