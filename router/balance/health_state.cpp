#include "router/balance/health_state.hpp"

namespace roomgate::router::balance {

std::string_view to_text(Health health) {
  switch (health) {
    case Health::up: return "up";
    case Health::soft: return "soft";
    case Health::down: return "down";
  }
  return "";
}

bool HealthState::observe(Outcome outcome, TimePoint now) {
  if (outcome != Outcome::good) return fail(outcome, now);
  half_failures_ = 0;
  if (state_ == Health::up) return false;
  ++good_;
  return good_ >= settings_.rise && become(Health::up, now);
}

bool HealthState::fail(Outcome outcome, TimePoint now) {
  good_ = 0;
  if (state_ == Health::down) return false;
  half_failures_ += outcome == Outcome::soft ? 1 : 2;
  const Health next = half_failures_ >= 2 * settings_.fall ? Health::down : Health::soft;
  return next != state_ && become(next, now);
}

bool HealthState::become(Health next, TimePoint now) {
  const bool was_up = up();
  state_ = next;
  good_ = 0;
  if (up() != was_up) changed_at_ = now;
  if (!up()) half_failures_ = 0;
  return true;
}

}  // namespace roomgate::router::balance
