#include "router/h2/floods.hpp"

#include <algorithm>

namespace roomgate::router::h2 {

std::string_view label(Flood flood) {
  switch (flood) {
    case Flood::reset: return "reset";
    case Flood::settings: return "settings";
    case Flood::ping: return "ping";
    case Flood::priority: return "priority";
    case Flood::window_update: return "window_update";
    case Flood::empty: return "empty";
    case Flood::continuation: return "continuation";
    case Flood::header_list: return "header_list";
    case Flood::refused: return "refused";
    case Flood::error: return "error";
    case Flood::other: return "other";
  }
  return "";
}

bool Floods::take(Flood flood, const Limits& limits, TimePoint now) {
  const auto index = static_cast<std::size_t>(flood);
  return buckets_[index].take(1, limits.rates[index].per_second, limits.rates[index].burst, now);
}

void Floods::sent_data(std::size_t bytes) {
  constexpr std::size_t kMostCredit = 10'000;
  window_credit_ = std::min(window_credit_ + 2 + bytes / 512, kMostCredit);
}

bool Floods::take_window_update(const Limits& limits, TimePoint now) {
  if (window_credit_ > 0) {
    --window_credit_;
    return true;
  }
  return take(Flood::window_update, limits, now);
}

}  // namespace roomgate::router::h2
