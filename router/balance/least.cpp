#include "router/balance/least.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/siphash.hpp"

namespace roomgate::router::balance {
namespace {

// The lowest score; of equals the one the key's hash prefers.
template <class Score>
std::optional<ShardId> lowest(const Choice& choice, const Score& score) {
  const Shard* best = nullptr;
  for (const Shard* shard : choice.candidates) {
    if (best == nullptr || score(*shard) < score(*best) ||
        (score(*shard) == score(*best) &&
         rendezvous_hash(shard->name, choice.key) > rendezvous_hash(best->name, choice.key))) {
      best = shard;
    }
  }
  return best == nullptr ? std::nullopt : std::optional<ShardId>(best->id);
}

double rooms_by_weight(const Choice& choice, const Shard& shard) {
  return static_cast<double>(choice.rooms_on(shard.id)) / std::max<double>(1, shard.weight);
}

}  // namespace

std::uint64_t rendezvous_hash(std::string_view shard, std::string_view key) {
  std::string text;
  text.reserve(shard.size() + 1 + key.size());
  text.append(shard).append(1, '\0').append(key);
  return siphash(as_bytes(text), {0x726f6f6d67617465, 0x2f7368617264732f});
}

std::optional<ShardId> LeastRooms::choose(const Choice& choice) {
  return lowest(choice, [&choice](const Shard& shard) { return rooms_by_weight(choice, shard); });
}

std::optional<ShardId> LeastLoad::choose(const Choice& choice) {
  return lowest(choice, [&choice](const Shard& shard) {
    // Whole twentieths first, rooms within them.
    const double rooms = rooms_by_weight(choice, shard);
    return std::floor(std::clamp(shard.load, 0.0, 1.0) * 20) + rooms / (rooms + 1);
  });
}

std::optional<ShardId> HashPolicy::choose(const Choice& choice) {
  // Weighted rendezvous: -ln(u) / weight is smallest in proportion to the weight, u being the hash as 0 < u
  // < 1.
  return lowest(choice, [&choice](const Shard& shard) {
    const auto high_bits = static_cast<double>(rendezvous_hash(shard.name, choice.key) >> 11);
    return -std::log((high_bits + 0.5) / 9007199254740992.0) / std::max<double>(1, shard.weight);
  });
}

}  // namespace roomgate::router::balance
