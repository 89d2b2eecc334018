#include "router/session/departures.hpp"

#include <algorithm>

namespace roomgate::router::session {
namespace {

// What a late timer may catch up on: with more than a departure for each of its ticks the rate would not be
// reached otherwise.
constexpr Duration kLate = milliseconds(20);

}  // namespace

Departures::Leaver::~Leaver() {
  if (waiting_in_ != nullptr) waiting_in_->waiting_.erase(place_);
}

void Departures::set_rate(double per_second) {
  gap_ = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / per_second));
}

void Departures::add(Leaver& leaver, TimePoint now, Duration window) {
  std::uniform_int_distribution<Duration::rep> within(0, std::max<Duration::rep>(0, window.count()));
  const TimePoint moment = now + Duration(within(random_));
  if (leaver.waiting_in_ != nullptr) {
    if (leaver.place_->first <= moment) return;
    waiting_.erase(leaver.place_);
  }
  leaver.waiting_in_ = this;
  leaver.place_ = waiting_.emplace(moment, &leaver);
}

std::optional<TimePoint> Departures::next() const {
  if (waiting_.empty()) return std::nullopt;
  return std::max(waiting_.begin()->first, last_ + gap_);
}

Departures::Leaver* Departures::take(TimePoint now) {
  const auto due = next();
  if (!due || *due > now) return nullptr;
  Leaver* const leaver = waiting_.begin()->second;
  waiting_.erase(waiting_.begin());
  leaver->waiting_in_ = nullptr;
  last_ = std::max(last_ + gap_, now - kLate);
  return leaver;
}

}  // namespace roomgate::router::session
