#include "router/balance/roundrobin.hpp"

namespace roomgate::router::balance {

std::optional<ShardId> RoundRobin::choose(const Choice& choice) {
  if (choice.candidates.empty()) return std::nullopt;
  Set set;
  set.reserve(choice.candidates.size());
  for (const Shard* shard : choice.candidates) set.emplace_back(shard->id, shard->weight);

  const std::lock_guard lock(mutex_);
  if (turns_.size() >= limits_.max_sets && !turns_.contains(set)) turns_.clear();
  const auto [line, added] = turns_.try_emplace(std::move(set));
  std::vector<std::int64_t>& credit = line->second;
  credit.resize(line->first.size(), 0);

  // Everybody earns its weight; the richest is served and pays for all. So heavy shards' turns are spread
  // out.
  std::int64_t total = 0;
  std::size_t best = 0;
  for (std::size_t i = 0; i < credit.size(); ++i) {
    credit[i] += line->first[i].second;
    total += line->first[i].second;
    if (credit[i] > credit[best]) best = i;
  }
  credit[best] -= total;
  return line->first[best].first;
}

}  // namespace roomgate::router::balance
