#include "sfu/bridge/allocation.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace roomgate::sfu::bridge {
namespace {

bool means(std::string_view name, const VideoCandidate& candidate) {
  return name == candidate.source || (candidate.first_of_owner && name == candidate.owner);
}

// Position in the list; its size when absent.
std::size_t position(const std::vector<std::string>& names, const VideoCandidate& candidate) {
  const auto found = std::find_if(names.begin(), names.end(),
                                  [&](const std::string& name) { return means(name, candidate); });
  return static_cast<std::size_t>(found - names.begin());
}

int height_of(const Wishes& wishes, const VideoCandidate& candidate) {
  if (const auto found = wishes.max_heights.find(std::string(candidate.source));
      found != wishes.max_heights.end()) {
    return found->second;
  }
  if (candidate.first_of_owner) {
    if (const auto found = wishes.max_heights.find(std::string(candidate.owner));
        found != wishes.max_heights.end()) {
      return found->second;
    }
  }
  return wishes.default_max_height;
}

}  // namespace

void Wishes::apply(const ReceiverVideoConstraints& constraints) {
  asked = true;
  if (constraints.last_n) last_n = *constraints.last_n;
  if (constraints.assumed_bandwidth) {
    assumed_bandwidth.reset();
    if (*constraints.assumed_bandwidth >= 0) assumed_bandwidth = *constraints.assumed_bandwidth;
  }
  if (constraints.default_max_height) default_max_height = *constraints.default_max_height;
  if (constraints.selected) selected = *constraints.selected;
  if (constraints.on_stage) on_stage = *constraints.on_stage;
  if (constraints.max_heights) {
    max_heights.clear();
    for (const auto& [name, height] : *constraints.max_heights) max_heights[name] = height;
  }
}

std::vector<std::size_t> video_order(const Wishes& wishes, std::span<const VideoCandidate> candidates,
                                     std::span<const EndpointKey> speakers) {
  struct Rank {
    std::size_t stage, selected, spoke;
    auto operator<=>(const Rank&) const = default;
  };
  std::vector<Rank> ranks;
  ranks.reserve(candidates.size());
  for (const VideoCandidate& candidate : candidates) {
    const auto spoke = std::find(speakers.begin(), speakers.end(), candidate.owner_key) - speakers.begin();
    ranks.push_back({position(wishes.on_stage, candidate), position(wishes.selected, candidate),
                     static_cast<std::size_t>(spoke)});
  }
  std::vector<std::size_t> order(candidates.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return ranks[a] < ranks[b]; });
  return order;
}

std::vector<int> wanted_heights(const Wishes& wishes, std::span<const VideoCandidate> candidates,
                                std::span<const std::size_t> order) {
  std::vector<int> heights(candidates.size(), 0);
  if (!wishes.asked || wishes.last_n == 0) return heights;
  int left = wishes.last_n < 0 ? std::numeric_limits<int>::max() : wishes.last_n;
  for (const std::size_t i : order) {
    const int height = height_of(wishes, candidates[i]);
    if (height == 0) continue;  // takes no place among the lastN
    if (left-- <= 0) break;
    heights[i] = height;
  }
  return heights;
}

bool on_stage(const Wishes& wishes, const VideoCandidate& candidate) {
  return position(wishes.on_stage, candidate) < wishes.on_stage.size();
}

int higher(int a, int b) { return a < 0 || b < 0 ? kUnlimited : std::max(a, b); }

}  // namespace roomgate::sfu::bridge
