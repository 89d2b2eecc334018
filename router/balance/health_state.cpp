#include "router/balance/health_state.hpp"

namespace roomgate::router::balance {

bool HealthState::observe(bool ok, TimePoint now) {
  if (ok == up_) {
    against_ = 0;
    return false;
  }
  ++against_;
  if (against_ < (up_ ? settings_.fall : settings_.rise)) return false;
  up_ = ok;
  against_ = 0;
  changed_at_ = now;
  return true;
}

}  // namespace roomgate::router::balance
