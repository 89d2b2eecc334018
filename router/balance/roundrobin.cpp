#include "router/balance/roundrobin.hpp"

#include <algorithm>

namespace roomgate::router::balance {

RoundRobin::Turn& RoundRobin::turn_of(const Eligible& eligible) {
  const std::size_t size = eligible.shards().size();
  const auto known = turns_.find(eligible.number());
  if (known != turns_.end() && known->second.credit.size() == size) return known->second;
  if (known == turns_.end() && turns_.size() >= limits_.max_sets) {
    turns_.erase(std::min_element(turns_.begin(), turns_.end(), [](const auto& a, const auto& b) {
      return a.second.last_used < b.second.last_used;
    }));
  }
  // Were every turn to begin with the first by name, it would gain a room with every change of the set.
  Turn& turn = turns_[eligible.number()];
  turn = {.credit = std::vector<double>(size), .first = made_ % size};
  return turn;
}

std::optional<ShardId> RoundRobin::choose(const Choice& choice) {
  const auto shards = choice.eligible.shards();
  if (shards.empty()) return std::nullopt;
  const Weights weight(choice);
  double total = 0;
  for (const Candidate& shard : shards) total += weight(shard);

  const std::lock_guard lock(mutex_);
  Turn& turn = turn_of(choice.eligible);
  turn.last_used = ++made_;
  if (turn.total != total) {
    // Other weights: who is owed half a room is owed half a room still.
    for (double& credit : turn.credit) credit *= turn.total == 0 ? 0 : total / turn.total;
    turn.total = total;
  }

  std::size_t best = turn.first;
  bool found = false;
  double best_missing = 0;  // to a whole room
  double best_weight = 1;
  const auto look_at = [&](std::size_t i) {
    const double own_weight = weight(shards[i]);
    const double credit = turn.credit[i] += own_weight;
    if (credit <= 0) return;
    // When it would be owed a whole room: missing / weight rooms from now. Of equals, who is owed more.
    const double missing = total - credit;
    const double mine = missing * best_weight;
    const double other = best_missing * own_weight;
    if (found && (mine > other || (mine == other && missing >= best_missing))) return;
    found = true;
    best = i;
    best_missing = missing;
    best_weight = own_weight;
  };
  for (std::size_t i = turn.first; i < shards.size(); ++i) look_at(i);
  for (std::size_t i = 0; i < turn.first; ++i) look_at(i);
  turn.credit[best] -= total;
  return shards[best].id;
}

}  // namespace roomgate::router::balance
