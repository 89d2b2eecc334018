#include "sfu/receive/loudest_few.hpp"

#include <algorithm>

namespace roomgate::sfu::receive {

// Places are given while the room is small too: when it has grown, whoever speaks has one already.
void LoudestFew::on_level(Voice& voice, std::uint8_t level, TimePoint now) {
  if (level >= limits_.voice) return;
  voice.loudness += limits_.smoothing * ((127 - level) - voice.loudness);
  voice.spoke = now;
  if (voice.has_place || limits_.places == 0) return;
  if (places_.size() < limits_.places) {
    places_.push_back(&voice);
  } else if (Voice* other = replaceable(voice, now)) {
    other->has_place = false;
    *std::find(places_.begin(), places_.end(), other) = &voice;
  } else {
    return;
  }
  voice.has_place = true;
}

LoudestFew::Voice* LoudestFew::replaceable(const Voice& by, TimePoint now) {
  const auto longest_quiet = std::min_element(
      places_.begin(), places_.end(), [](const Voice* a, const Voice* b) { return a->spoke < b->spoke; });
  if (now - (*longest_quiet)->spoke > limits_.pause) return *longest_quiet;
  const auto softest = std::min_element(places_.begin(), places_.end(), [](const Voice* a, const Voice* b) {
    return a->loudness < b->loudness;
  });
  return by.loudness > (*softest)->loudness + limits_.margin ? *softest : nullptr;
}

void LoudestFew::remove(Voice& voice) {
  std::erase(places_, &voice);
  voice.has_place = false;
}

}  // namespace roomgate::sfu::receive
