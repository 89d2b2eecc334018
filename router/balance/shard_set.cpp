#include "router/balance/shard_set.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace roomgate::router::balance {

std::string_view to_text(ShardState state) {
  switch (state) {
    case ShardState::ready: return "ready";
    case ShardState::drain: return "drain";
    case ShardState::maint: return "maint";
  }
  return "";
}

std::optional<ShardState> parse_shard_state(std::string_view text) {
  for (ShardState state : {ShardState::ready, ShardState::drain, ShardState::maint}) {
    if (text == to_text(state)) return state;
  }
  return std::nullopt;
}

ShardId ShardNames::id_of(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
  ShardId id = static_cast<ShardId>(names_.size());
  if (names_.size() < max_names_) {
    names_.emplace_back(name);
  } else if (!free_.empty()) {
    id = free_.front();
    free_.pop_front();
    names_[id] = name;
  } else {
    return kNoShard;
  }
  ids_.emplace(name, id);
  return id;
}

void ShardNames::release(std::string_view name) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(name);
  if (known == ids_.end()) return;
  free_.push_back(known->second);
  ids_.erase(known);
}

std::string ShardNames::name_of(ShardId id) const {
  const std::lock_guard lock(mutex_);
  return id < names_.size() ? names_[id] : std::string();
}

ShardSet::ShardSet(std::vector<Shard> shards) : shards_(std::move(shards)) {
  std::stable_sort(shards_.begin(), shards_.end(),
                   [](const Shard& a, const Shard& b) { return a.name < b.name; });
  const auto same_name = [](const Shard& a, const Shard& b) { return a.name == b.name; };
  shards_.erase(std::unique(shards_.begin(), shards_.end(), same_name), shards_.end());
  for (std::size_t i = 0; i < shards_.size(); ++i) {
    const ShardId id = shards_[i].id;
    if (id == kNoShard) continue;
    if (id >= index_by_id_.size()) index_by_id_.resize(id + std::size_t{1}, 0);
    index_by_id_[id] = static_cast<std::uint32_t>(i + 1);
  }
  spare_soft();
}

// Where no sound shard of a region and release is left, those in doubt are better than none: it may be this
// gate's checks that are in trouble.
void ShardSet::spare_soft() {
  std::set<std::pair<std::string_view, std::string_view>> sound;
  for (Shard& shard : shards_) {
    shard.spared = false;
    if (!shard.soft_down && takes_new_rooms(shard)) sound.emplace(shard.region, shard.release);
  }
  for (Shard& shard : shards_)
    shard.spared = shard.soft_down && sound.contains({shard.region, shard.release});
}

const Shard* ShardSet::by_id(ShardId id) const {
  if (id >= index_by_id_.size() || index_by_id_[id] == 0) return nullptr;
  return &shards_[index_by_id_[id] - 1];
}

const Shard* ShardSet::by_name(std::string_view name) const {
  const auto at =
      std::lower_bound(shards_.begin(), shards_.end(), name,
                       [](const Shard& shard, std::string_view text) { return shard.name < text; });
  return at != shards_.end() && at->name == name ? &*at : nullptr;
}

const Shard* ShardSet::by_path_segment(std::string_view segment) const {
  for (;;) {
    if (const Shard* shard = by_name(segment)) return shard;
    const std::size_t dot = segment.rfind('.');
    if (dot == std::string_view::npos) return nullptr;
    segment = segment.substr(0, dot);
  }
}

bool ShardSet::panic(double share) const {
  const auto down =
      std::count_if(shards_.begin(), shards_.end(), [](const Shard& shard) { return !shard.up; });
  return down >= 2 && static_cast<double>(down) > share * static_cast<double>(shards_.size());
}

std::vector<const Shard*> eligible_shards(const ShardSet& shards, std::string_view region,
                                          const RegionSettings& settings, std::string_view release) {
  std::vector<const Shard*> eligible;
  const auto collect = [&](std::string_view wanted) {
    for (const Shard& shard : shards.all()) {
      const bool fits =
          (wanted.empty() || shard.region == wanted) && (release.empty() || shard.release == release);
      if (fits && takes_new_rooms(shard)) eligible.push_back(&shard);
    }
    return !eligible.empty();
  };
  if (collect(region) || region.empty()) return eligible;
  const auto line = settings.fallback.find(region);
  if (line == settings.fallback.end()) {
    collect({});
    return eligible;
  }
  for (const std::string& next : line->second) {
    if (!next.empty() && collect(next)) break;
  }
  return eligible;
}

}  // namespace roomgate::router::balance
