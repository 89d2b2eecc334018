// Who may get a new room: rules before any policy. Pure, any thread.
//
//   release   the wished one, else the live one, else any
//   caps      within a release: shards below their soft cap first, anywhere on the spill order; then those
//             above it; at its hard cap never
//   region    within those: the room's region, then its fallbacks in their order
//
// A pin outranks a region, since the wrong release may not work at all; a soft cap outranks a region, since
// that is what it is for: spill before it is full.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "router/balance/shard_set.hpp"

namespace roomgate::router::balance {

using RoomsOn = std::function<std::size_t(ShardId)>;

struct RegionSettings {
  // Where a room goes when no shard of its region is eligible, in order, and nowhere else: some may not leave
  // their country. A region without a line here: anywhere, rather than nowhere.
  std::map<std::string, std::vector<std::string>, std::less<>> fallback;
};

// What a new room asks for. Empty: no wish.
struct Wish {
  std::string_view region;
  std::string_view release;
  std::string_view live_release;    // where shards of `release` are lacking, or none is wished
  std::span<const ShardId> except;  // it has just been tried there
};

// How far from the wish the answer is, for logs and metrics.
struct Spill {
  enum class Release : std::uint8_t { wished, live, any };
  Release release = Release::wished;
  bool region = false;    // another region than the wished one
  bool soft_cap = false;  // all are above their soft cap
};
// "region", "release_live" or "release_any", "soft_cap"; empty where it is as wished.
std::array<std::string_view, 3> kinds_of(const Spill& spill);

class Eligible {
 public:
  Eligible() = default;
  Eligible(Eligible&&) = default;
  Eligible& operator=(Eligible&&) = default;

  std::span<const Candidate> shards() const { return shards_; }  // by name; of the ShardSet, or of this
  // As a Pool's.
  std::uint64_t number() const { return number_; }
  std::uint64_t weights() const { return weights_; }
  TimePoint last_ramp() const { return last_ramp_; }
  const Spill& spill() const { return spill_; }

 private:
  friend class Search;
  std::span<const Candidate> shards_;
  std::uint64_t number_ = 0;
  std::uint64_t weights_ = 0;
  TimePoint last_ramp_{};
  Spill spill_;
  std::vector<Candidate> some_;  // of a pool, where not all of it will do
};

// `rooms_on` counts rooms for the caps; none: caps do not count.
Eligible eligible_shards(const ShardSet& shards, const Wish& wish, const RegionSettings& settings,
                         const RoomsOn& rooms_on);

// May it get one more?
inline bool below_hard_cap(const Shard& shard, const RoomsOn& rooms_on) {
  return shard.max_rooms == 0 || rooms_on(shard.id) < shard.max_rooms;
}

}  // namespace roomgate::router::balance
