#include "sfu/bridge/last_n_limit.hpp"

#include <algorithm>

namespace roomgate::sfu::bridge {

bool LastNLimit::update(double stress, int most, TimePoint now) {
  if (stress >= limits_.raise_below) {
    calm_since_ = TimePoint::max();
  } else if (calm_since_ == TimePoint::max()) {
    calm_since_ = now;
  }

  if (stress >= limits_.reduce_at) return reduce(most, limits_.reduce_every, now);

  if (limit_ < 0 || calm_since_ == TimePoint::max() || now - calm_since_ < limits_.raise_every) return false;
  calm_since_ = now;  // the next step after as long again
  limit_ = limit_ >= most ? -1 : std::max(limit_ + 1, limit_ * 5 / 4);
  return true;
}

bool LastNLimit::on_late(int most, TimePoint now) {
  calm_since_ = TimePoint::max();
  return reduce(most, limits_.reduce_when_late, now);
}

bool LastNLimit::reduce(int most, Duration every, TimePoint now) {
  const int from = limit_ < 0 ? most : std::min(limit_, most);
  if (from <= limits_.least || (limit_ >= 0 && now - reduced_ < every)) return false;
  reduced_ = now;
  limit_ = std::max(limits_.least, from * 3 / 4);  // less than `from`, which is 2 at least
  return true;
}

}  // namespace roomgate::sfu::bridge
