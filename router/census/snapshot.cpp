#include "router/census/snapshot.hpp"

#include <algorithm>

namespace roomgate::router::census {

ShardRooms::ShardRooms(const std::vector<Room>& rooms, const room::KeySettings& settings, TimePoint now,
                       std::int64_t wall) {
  rooms_.reserve(rooms.size());
  for (const Room& room : rooms) {
    if (room.participants == 0) continue;
    auto key = key_of(room, settings);
    if (!key) continue;
    // The shard's clock may be ahead of ours.
    const std::int64_t age = std::max(wall - room.created.value_or(wall), std::int64_t{0});
    const TimePoint created = now - milliseconds(age);
    const auto [place, is_new] = rooms_.try_emplace(std::move(*key), Count{room.participants, created});
    if (is_new) continue;
    // Two spellings that are one room here.
    place->second.participants += room.participants;
    place->second.created = std::min(place->second.created, created);
  }
}

std::optional<std::size_t> Snapshot::participants(std::string_view key, std::string_view shard) const {
  const auto known = shards_.find(shard);
  if (known == shards_.end()) return std::nullopt;
  const auto room = known->second->rooms().find(key);
  return room == known->second->rooms().end() ? 0 : room->second.participants;
}

std::vector<Snapshot::Split> Snapshot::splits() const {
  std::size_t rooms = 0;
  for (const auto& [shard, said] : shards_) rooms += said->rooms().size();
  // Nearly all rooms are on one shard only, and cost one look here.
  std::unordered_map<std::string_view, const std::string*, SipHasher, std::equal_to<>> first_on;
  first_on.reserve(rooms);
  std::map<std::string_view, std::vector<Place>> found;
  for (const auto& [shard, said] : shards_) {
    for (const auto& [key, count] : said->rooms()) {
      const auto [first, is_new] = first_on.try_emplace(key, &shard);
      if (is_new) continue;
      std::vector<Place>& places = found[key];
      if (places.empty()) places.push_back({*first->second, *participants(key, *first->second)});
      places.push_back({shard, count.participants});
    }
  }
  std::vector<Split> out;
  out.reserve(found.size());
  for (auto& [key, places] : found) {
    std::stable_sort(places.begin(), places.end(),
                     [](const Place& a, const Place& b) { return a.participants > b.participants; });
    out.push_back({std::string(key), std::move(places)});
  }
  return out;
}

std::vector<Snapshot::Unknown> Snapshot::unknown(
    const std::function<bool(std::string_view key)>& known) const {
  std::map<std::string_view, std::string_view> found;
  for (const auto& [shard, said] : shards_) {
    for (const auto& [key, count] : said->rooms()) {
      if (!known(key)) found.try_emplace(key, shard);
    }
  }
  std::vector<Unknown> out;
  out.reserve(found.size());
  for (const auto& [key, shard] : found) out.push_back({std::string(key), std::string(shard)});
  return out;
}

std::vector<Snapshot::Seed> Snapshot::seeds() const {
  std::unordered_map<std::string_view, Seed, SipHasher, std::equal_to<>> best;
  for (const auto& [shard, said] : shards_) {
    for (const auto& [key, count] : said->rooms()) {
      // By name where two have as many: shards come in the order of their names.
      Seed& seed = best[key];
      if (!seed.key.empty() && seed.participants >= count.participants) continue;
      seed = {key, shard, count.participants, count.created};
    }
  }
  std::vector<Seed> out;
  out.reserve(best.size());
  for (auto& [key, seed] : best) out.push_back(std::move(seed));
  std::sort(out.begin(), out.end(), [](const Seed& a, const Seed& b) { return a.key < b.key; });
  return out;
}

}  // namespace roomgate::router::census
