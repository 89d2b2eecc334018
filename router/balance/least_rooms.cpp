#include "router/balance/least_rooms.hpp"

#include "router/balance/rendezvous.hpp"

namespace roomgate::router::balance {

std::optional<ShardId> LeastRooms::choose(const Choice& choice) {
  const Weights weight(choice);
  const std::uint64_t room = room_hash(choice.key);
  const auto lightest = [&](bool all) {
    const Candidate* best = nullptr;
    double best_score = 0;
    for (const Candidate& shard : choice.eligible.shards()) {
      // Another hash than the one that settles ties: being asked must not go with winning.
      if (!all && as_fraction(mix(rendezvous(shard.hash, room))) * 100 >= weight.percent(shard)) continue;
      const double score = static_cast<double>(choice.rooms_on(shard.id) + 1) / weight(shard);
      if (best == nullptr || score < best_score ||
          (score == best_score && rendezvous(shard.hash, room) > rendezvous(best->hash, room))) {
        best = &shard;
        best_score = score;
      }
    }
    return best;
  };

  const Candidate* best = lightest(!weight.ramping());
  if (best == nullptr) best = lightest(true);
  return best == nullptr ? std::nullopt : std::optional<ShardId>(best->id);
}

}  // namespace roomgate::router::balance
