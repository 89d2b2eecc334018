#include "router/balance/shard_set.hpp"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "router/balance/rendezvous.hpp"

namespace roomgate::router::balance {
namespace {

// Sums of so many stay exact in a double, for as many shards as there can be.
constexpr std::uint64_t kMaxWeight = 0xffffffff;

}  // namespace

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
  make_pools();
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

const Pool* ShardSet::pool(std::string_view release, std::string_view region) const {
  const auto at = pools_.find(Place{release, region});
  return at == pools_.end() ? nullptr : &at->second;
}

void ShardSet::make_pools() {
  const auto full_weight = [](const Shard& shard) { return std::uint64_t{shard.weight} * shard.share; };
  std::uint64_t unit = 0;
  for (const Shard& shard : shards_) {
    if (takes_new_rooms(shard)) unit = std::gcd(unit, full_weight(shard));
  }
  const auto add = [this](const Candidate& candidate, std::string_view release, std::string_view region) {
    auto at = pools_.find(Place{release, region});
    if (at == pools_.end()) {
      at = pools_.try_emplace(OwnedPlace{std::string(release), std::string(region)}).first;
    }
    Pool& pool = at->second;
    pool.shards.push_back(candidate);
    pool.capped = pool.capped || candidate.soft_rooms > 0 || candidate.max_rooms > 0;
    pool.last_ramp = std::max(pool.last_ramp, candidate.ramp_begin);
  };
  for (const Shard& shard : shards_) {
    if (!takes_new_rooms(shard)) continue;
    const std::uint64_t weight = std::min<std::uint64_t>(full_weight(shard) / unit, kMaxWeight);
    const Candidate candidate{.id = shard.id,
                              .weight = static_cast<std::uint32_t>(weight),
                              .hash = shard_hash(shard.name),
                              .load = std::clamp(shard.load, 0.0, 1.0),
                              .ramp_begin = shard.ramp_begin,
                              .soft_rooms = shard.soft_rooms,
                              .max_rooms = shard.max_rooms};
    add(candidate, {}, {});
    if (!shard.region.empty()) add(candidate, {}, shard.region);
    if (!shard.release.empty()) add(candidate, shard.release, {});
    if (!shard.region.empty() && !shard.release.empty()) add(candidate, shard.release, shard.region);
  }
  for (auto& [place, pool] : pools_) {
    pool.number = number_of(pool.shards);
    pool.weights = weights_of(pool.shards);
  }
}

std::uint64_t number_of(std::span<const Candidate> shards) {
  std::uint64_t number = shards.size();
  for (const Candidate& shard : shards) number = mix(number ^ shard.id);
  return number;
}

std::uint64_t weights_of(std::span<const Candidate> shards) {
  std::uint64_t number = shards.size();
  for (const Candidate& shard : shards) {
    number = mix(number ^ shard.weight);
    number = mix(number ^ static_cast<std::uint64_t>(shard.ramp_begin.time_since_epoch().count()));
  }
  return number;
}

}  // namespace roomgate::router::balance
