#include "router/directory/drains.hpp"

#include <algorithm>

namespace roomgate::router::directory {
namespace {

// Before rooms that no shard could have are tried again.
constexpr Duration kLookAgain = seconds(10);

}  // namespace

const Drains::Drain& Drains::begin(std::string_view shard, Left left,
                                   std::chrono::system_clock::time_point wall) {
  const auto [place, is_new] = drains_.try_emplace(std::string(shard));
  One& one = place->second;
  if (!is_new) return one;
  one.since = wall;
  one.rooms_at_start = left.rooms;
  one.left = left;
  if (const auto expected = expected_.extract(std::string(shard)); !expected.empty()) {
    one.deadline = expected.mapped();
  }
  return one;
}

void Drains::take(std::string_view shard, const Drain& drain) {
  static_cast<Drain&>(drains_[std::string(shard)]) = drain;
}

void Drains::end_unless(const std::function<bool(const std::string& shard)>& goes_on) {
  std::erase_if(drains_, [&goes_on](const auto& drain) { return !goes_on(drain.first); });
}

void Drains::set_deadline(std::string_view shard, std::optional<TimePoint> deadline) {
  const auto place = drains_.find(shard);
  if (place == drains_.end()) {
    if (!deadline) {
      expected_.erase(std::string(shard));
    } else if (expected_.size() < kMaxExpected) {
      expected_.insert_or_assign(std::string(shard), *deadline);
    }
    return;
  }
  place->second.deadline = deadline;
  place->second.next_look = {};
  // Taken back: what has not moved yet stays.
  if (!deadline) place->second.keys.clear();
}

bool Drains::count(std::string_view shard, Left left) {
  const auto place = drains_.find(shard);
  if (place == drains_.end()) return false;
  One& one = place->second;
  one.left = left;
  if (one.empty || left.rooms > 0 || left.tunnels > 0) return false;
  one.empty = true;
  return true;
}

bool Drains::wants_rooms(std::string_view shard, TimePoint now) const {
  const auto place = drains_.find(shard);
  if (place == drains_.end()) return false;
  const One& one = place->second;
  return one.deadline && now >= *one.deadline && now >= one.next_look && one.keys.empty() &&
         one.left.rooms > 0;
}

void Drains::set_rooms(std::string_view shard, std::vector<std::string> keys, TimePoint now, Pace pace) {
  const auto place = drains_.find(shard);
  if (place == drains_.end()) return;
  One& one = place->second;
  one.keys = std::move(keys);
  std::shuffle(one.keys.begin(), one.keys.end(), random_);
  one.window_end = now + pace.window;
  one.next_look = now + std::max(kLookAgain, pace.window);
}

std::vector<Drains::Step> Drains::move_due(TimePoint now, Pace pace, const Move& move) {
  std::vector<Step> steps;
  std::size_t closed = 0;
  const auto a_second = static_cast<std::size_t>(pace.tunnels_a_second);
  for (auto& [shard, one] : drains_) {
    if (one.keys.empty()) continue;
    // An even share for each step that is left of the window.
    const auto steps_left = std::max<Duration::rep>(1, (one.window_end - now) / kStep);
    const auto share =
        (one.keys.size() + static_cast<std::size_t>(steps_left) - 1) / static_cast<std::size_t>(steps_left);
    Step step{.shard = shard};
    // A room with more tunnels than the rate moves all the same, alone.
    while (step.moved + step.stuck < share && closed < a_second) {
      const std::string key = std::move(one.keys.back());
      one.keys.pop_back();
      const auto tunnels = move(shard, key);
      ++(tunnels ? step.moved : step.stuck);
      closed += tunnels.value_or(0);
    }
    if (step.moved + step.stuck > 0) steps.push_back(std::move(step));
  }
  return steps;
}

void Drains::each(const std::function<void(const std::string& shard, const Drain& drain)>& visit) const {
  for (const auto& [shard, one] : drains_) visit(shard, one);
}

const Drains::Drain* Drains::find(std::string_view shard) const {
  const auto place = drains_.find(shard);
  return place == drains_.end() ? nullptr : &place->second;
}

}  // namespace roomgate::router::directory
