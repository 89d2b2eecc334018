#include "router/balance/eligible.hpp"

#include <algorithm>

namespace roomgate::router::balance {

class Search {
 public:
  Search(const ShardSet& shards, const Wish& wish, const RegionSettings& settings, const RoomsOn& rooms_on)
      : shards_(shards), wish_(wish), rooms_on_(rooms_on) {
    const auto line = settings.fallback.find(wish.region);
    if (line != settings.fallback.end()) fallback_ = &line->second;
  }

  Eligible run() {
    using Release = Spill::Release;
    if (!wish_.release.empty() && of_release(wish_.release, Release::wished)) return std::move(found_);
    // Whoever wishes for nothing gets the live release: that is no spill.
    const Release live = wish_.release.empty() ? Release::wished : Release::live;
    if (!wish_.live_release.empty() && of_release(wish_.live_release, live)) return std::move(found_);
    const bool any_wished = wish_.release.empty() && wish_.live_release.empty();
    (void)of_release({}, any_wished ? Release::wished : Release::any);
    return std::move(found_);
  }

 private:
  bool of_release(std::string_view release, Spill::Release met) {
    found_.spill_.release = met;
    met_soft_cap_ = false;
    if (down_the_regions(release, false)) return true;
    return met_soft_cap_ && down_the_regions(release, true);
  }

  bool down_the_regions(std::string_view release, bool above_soft_cap) {
    found_.spill_.soft_cap = above_soft_cap;
    found_.spill_.region = false;
    if (in_region(release, wish_.region, above_soft_cap)) return true;
    if (wish_.region.empty()) return false;
    found_.spill_.region = true;
    if (fallback_ == nullptr) return in_region(release, {}, above_soft_cap);
    for (const std::string& next : *fallback_) {
      if (!next.empty() && in_region(release, next, above_soft_cap)) {
        found_.spill_.region = next != wish_.region;
        return true;
      }
    }
    return false;
  }

  bool in_region(std::string_view release, std::string_view region, bool above_soft_cap) {
    const Pool* pool = shards_.pool(release, region);
    if (pool == nullptr) return false;
    found_.last_ramp_ = pool->last_ramp;
    found_.shards_ = pool->shards;
    found_.number_ = pool->number;
    found_.weights_ = pool->weights;
    const bool caps = pool->capped && rooms_on_ != nullptr;
    if (!caps && wish_.except.empty()) return true;

    std::vector<Candidate>& some = found_.some_;
    some.clear();
    for (const Candidate& candidate : pool->shards) {
      const bool excepted =
          std::find(wish_.except.begin(), wish_.except.end(), candidate.id) != wish_.except.end();
      if (!excepted && (!caps || below_caps(candidate, above_soft_cap))) some.push_back(candidate);
    }
    if (some.size() == pool->shards.size()) return true;
    found_.shards_ = some;
    found_.number_ = number_of(some);
    found_.weights_ = weights_of(some);
    return !some.empty();
  }

  bool below_caps(const Candidate& candidate, bool above_soft_cap) {
    if (candidate.soft_rooms == 0 && candidate.max_rooms == 0) return true;
    const std::size_t rooms = rooms_on_(candidate.id);
    if (candidate.max_rooms > 0 && rooms >= candidate.max_rooms) return false;
    if (candidate.soft_rooms == 0 || rooms < candidate.soft_rooms) return true;
    met_soft_cap_ = true;
    return above_soft_cap;
  }

  const ShardSet& shards_;
  const Wish& wish_;
  const RoomsOn& rooms_on_;
  const std::vector<std::string>* fallback_ = nullptr;
  bool met_soft_cap_ = false;
  Eligible found_;
};

std::array<std::string_view, 3> kinds_of(const Spill& spill) {
  std::string_view release;
  switch (spill.release) {
    case Spill::Release::wished: break;
    case Spill::Release::live: release = "release_live"; break;
    case Spill::Release::any: release = "release_any"; break;
  }
  return {spill.region ? "region" : "", release, spill.soft_cap ? "soft_cap" : ""};
}

Eligible eligible_shards(const ShardSet& shards, const Wish& wish, const RegionSettings& settings,
                         const RoomsOn& rooms_on) {
  return Search(shards, wish, settings, rooms_on).run();
}

}  // namespace roomgate::router::balance
