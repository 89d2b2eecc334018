#include "sfu/bridge/last_n_limit.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {

bool LastNLimit::update(double stress, int most, TimePoint now) {
  if (stress >= limits_.raise_below) {
    calm_since_ = TimePoint::max();
  } else if (calm_since_ == TimePoint::max()) {
    calm_since_ = now;
  }

  if (stress >= limits_.reduce_at) {
    const int from = limit_ < 0 ? most : std::min(limit_, most);
    if (from <= limits_.least || (limit_ >= 0 && now - reduced_ < limits_.reduce_every)) return false;
    reduced_ = now;
    limit_ = std::max(limits_.least, from * 3 / 4);  // less than `from`, which is 2 at least
    return true;
  }

  if (limit_ < 0 || calm_since_ == TimePoint::max() || now - calm_since_ < limits_.raise_every) return false;
  calm_since_ = now;  // the next step after as long again
  limit_ = limit_ >= most ? -1 : std::max(limit_ + 1, limit_ * 5 / 4);
  return true;
}

}  // namespace roomgate::sfu::bridge
