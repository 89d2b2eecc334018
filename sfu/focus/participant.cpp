#include "sfu/focus/participant.hpp"

#include <algorithm>

namespace roomgate::sfu::focus {

std::optional<Phase> next_phase(Phase phase, Step step) {
  switch (step) {
    case Step::start: return phase == Phase::waiting ? std::optional(Phase::allocating) : std::nullopt;
    case Step::offered: return phase == Phase::allocating ? std::optional(Phase::invited) : std::nullopt;
    case Step::accept: return phase == Phase::invited ? std::optional(Phase::accepted) : std::nullopt;
    case Step::retry: return Phase::waiting;
    case Step::end: return Phase::ended;
  }
  return std::nullopt;
}

bool RestartLimiter::admits(TimePoint now) const {
  return recent_.size() < limits_.restarts || recent_.front() + limits_.restart_window <= now;
}

TimePoint RestartLimiter::take(TimePoint now) {
  TimePoint at = now;
  if (!recent_.empty()) at = std::max(at, recent_.back() + limits_.restart_spacing);
  if (recent_.size() >= limits_.restarts) {
    at = std::max(at, recent_.front() + limits_.restart_window);
    recent_.erase(recent_.begin());
  }
  recent_.push_back(at);
  return at;
}

}  // namespace roomgate::sfu::focus
