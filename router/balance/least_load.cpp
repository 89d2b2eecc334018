#include "router/balance/least_load.hpp"

#include <algorithm>
#include <cmath>

#include "router/balance/rendezvous.hpp"

namespace roomgate::router::balance {
namespace {

// The shard at `point` of all weights laid end to end, leaving `without` out.
std::size_t shard_at(double point, std::span<const Candidate> shards, const Weights& weight,
                     std::size_t without) {
  std::size_t last = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    if (i == without) continue;
    last = i;
    point -= weight(shards[i]);
    if (point < 0) break;
  }
  return last;
}

}  // namespace

double LeastLoad::not_reported(ShardId id, TimePoint now) const {
  if (id >= placed_.size() || placed_[id].rooms == 0) return 0;
  const auto age = std::chrono::duration<double>(std::max(Duration(0), now - placed_[id].at));
  const double left =
      placed_[id].rooms * std::exp2(-age / std::chrono::duration<double>(settings_.half_in_reports));
  return left < 0.01 ? 0 : left;
}

bool LeastLoad::second_is_lighter(const Choice& choice, const Candidate& first,
                                  const Candidate& second) const {
  const auto rooms_first = static_cast<double>(choice.rooms_on(first.id));
  const auto rooms_second = static_cast<double>(choice.rooms_on(second.id));
  const double new_first = not_reported(first.id, choice.now);
  const double new_second = not_reported(second.id, choice.now);
  // What a room costs: by what both report for the rooms that their reports can have in them.
  const double reported = std::max(1.0, rooms_first + rooms_second - new_first - new_second);
  const double per_room = std::max(settings_.least_per_room, (first.load + second.load) / reported);
  const double stress_first = first.load + new_first * per_room;
  const double stress_second = second.load + new_second * per_room;
  if (stress_first != stress_second) return stress_second < stress_first;
  return rooms_second * first.weight < rooms_first * second.weight;
}

std::optional<ShardId> LeastLoad::choose(const Choice& choice) {
  const auto shards = choice.eligible.shards();
  if (shards.empty()) return std::nullopt;
  const Weights weight(choice);
  double total = 0;
  for (const Candidate& shard : shards) total += weight(shard);

  const std::lock_guard lock(mutex_);
  const std::uint64_t draw = mix(room_hash(choice.key) + ++draws_);
  const std::size_t first = shard_at(as_fraction(draw) * total, shards, weight, shards.size());
  std::size_t chosen = first;
  if (shards.size() > 1) {
    const double rest = total - weight(shards[first]);
    const std::size_t second = shard_at(as_fraction(mix(draw)) * rest, shards, weight, first);
    if (second_is_lighter(choice, shards[first], shards[second])) chosen = second;
  }

  const ShardId id = shards[chosen].id;
  if (id >= placed_.size()) placed_.resize(id + std::size_t{1});
  placed_[id] = {not_reported(id, choice.now) + 1, choice.now};
  return id;
}

}  // namespace roomgate::router::balance
