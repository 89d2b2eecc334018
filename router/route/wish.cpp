#include "router/route/wish.hpp"

#include <algorithm>

#include "base/bytes.hpp"
#include "router/balance/rendezvous.hpp"
#include "router/route/placing.hpp"

namespace roomgate::router::route {
namespace {

using balance::Candidate;
using balance::Shard;
using balance::ShardSet;
using peers_sync::Host;
using Chosen = Host::Chosen;

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kOverridden = 1;
constexpr std::size_t kLongestName = 255;

void append(std::string& out, std::uint64_t value, std::size_t size) {
  std::array<std::uint8_t, 8> bytes{};
  store64(bytes.data(), value);
  out += as_text(ByteView(bytes).last(size));
}

void append_name(std::string& out, std::string_view name) {
  if (name.size() > kLongestName) name = {};
  append(out, name.size(), 1);
  out += name;
}

std::string read_name(ByteReader& in) { return std::string(as_text(in.bytes(in.u8()))); }

std::uint32_t short_hash(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }

std::span<const Candidate> takers(const ShardSet& shards) {
  const balance::Pool* pool = shards.pool({}, {});
  return pool == nullptr ? std::span<const Candidate>() : pool->shards;
}

// Candidates are in the order of their names. Not Pool::number: numbers of shards are each process's own.
std::uint64_t digest_of(std::span<const Candidate> shards, std::span<const stick::ShardId> except = {}) {
  std::uint64_t digest = 0;
  for (const Candidate& shard : shards) {
    if (std::find(except.begin(), except.end(), shard.id) != except.end()) continue;
    digest = balance::mix(digest ^ shard.hash) + 1;
  }
  return digest;
}

void spell_out(Wish& wish, std::span<const Candidate> shards, std::span<const stick::ShardId> except = {}) {
  wish.shards.clear();
  wish.says = shards.size() > Wish::kMostShards ? Wish::Says::too_many : Wish::Says::shards;
  if (wish.says == Wish::Says::too_many) return;
  for (const Candidate& shard : shards) {
    if (std::find(except.begin(), except.end(), shard.id) == except.end()) {
      wish.shards.push_back(short_hash(shard.hash));
    }
  }
  std::sort(wish.shards.begin(), wish.shards.end());
}

}  // namespace

std::string encode(const Wish& wish) {
  std::string out;
  append(out, kVersion, 1);
  append(out, wish.overridden ? kOverridden : 0, 1);
  append(out, static_cast<std::uint8_t>(wish.says), 1);
  append_name(out, wish.region);
  append_name(out, wish.release);
  append_name(out, wish.forced);
  append(out, wish.digest, 8);
  if (wish.says != Wish::Says::shards) return out;
  append(out, wish.shards.size(), 2);
  for (const std::uint32_t shard : wish.shards) append(out, shard, 4);
  return out;
}

std::optional<Wish> decode_wish(std::string_view bytes) {
  ByteReader in(as_bytes(bytes));
  if (in.u8() != kVersion) return std::nullopt;
  Wish wish;
  wish.overridden = (in.u8() & kOverridden) != 0;
  const std::uint8_t says = in.u8();
  if (says > static_cast<std::uint8_t>(Wish::Says::too_many)) return std::nullopt;
  wish.says = static_cast<Wish::Says>(says);
  wish.region = read_name(in);
  wish.release = read_name(in);
  wish.forced = read_name(in);
  wish.digest = in.u64();
  if (wish.says == Wish::Says::shards) {
    const std::size_t count = in.u16();
    if (count > Wish::kMostShards || in.failed() || count * 4 > in.left()) return std::nullopt;
    wish.shards.reserve(count);
    for (std::size_t i = 0; i < count; ++i) wish.shards.push_back(in.u32());
    std::sort(wish.shards.begin(), wish.shards.end());
  }
  if (in.failed()) return std::nullopt;
  return wish;
}

Wish wish_of(const Request& request, const ShardSet& shards, const Settings& settings) {
  Wish wish;
  wish.region = request.region;
  wish.release = release_for(request, shards, settings);
  if (const Shard* forced = asked_by_name(request, shards, settings)) wish.forced = forced->name;
  wish.overridden = !settings.pins.asked_for(request.query, shards).empty();
  wish.digest = digest_of(takers(shards));
  return wish;
}

Wish wish_to_leave(std::string_view region, std::string_view release, std::span<const stick::ShardId> tried,
                   const ShardSet& shards) {
  Wish wish;
  wish.region = region;
  wish.release = release;
  const auto all = takers(shards);
  wish.digest = digest_of(all, tried);
  // The decider has not tried what we have, so its digest will not be ours.
  const bool differs = wish.digest != digest_of(all);
  if (differs) spell_out(wish, all, tried);
  return wish;
}

std::string said_in_full(std::string_view bytes, const ShardSet& shards) {
  Wish wish = decode_wish(bytes).value_or(Wish());
  if (wish.says != Wish::Says::digest) return std::string(bytes);
  wish.digest = digest_of(takers(shards));
  spell_out(wish, takers(shards));
  return encode(wish);
}

namespace {

// The order of balance::Eligible, with what any gate knows: the release first, the region within it. nullopt:
// the room may not go to that region.
class Preference {
 public:
  Preference(const Wish& wish, const Settings& settings) : wish_(wish), live_(settings.pins.live()) {
    const auto line = settings.regions.fallback.find(wish.region);
    if (line != settings.regions.fallback.end()) fallback_ = &line->second;
  }

  std::optional<std::size_t> rank(const Shard& shard) const {
    const auto region = region_rank(shard.region);
    if (!region) return std::nullopt;
    std::size_t release = 2;
    if (!wish_.release.empty() && shard.release == wish_.release) {
      release = 0;
    } else if (!live_.empty() && shard.release == live_) {
      release = 1;
    }
    return release * kRegions + *region;
  }
  static bool in_region(std::size_t rank) { return rank % kRegions == 0; }

 private:
  static constexpr std::size_t kRegions = 4096;

  std::optional<std::size_t> region_rank(std::string_view region) const {
    if (wish_.region.empty() || region == wish_.region) return 0;
    if (fallback_ == nullptr) return 1;
    const auto at = std::find(fallback_->begin(), fallback_->end(), region);
    if (at == fallback_->end() || region.empty()) return std::nullopt;
    return std::min<std::size_t>(1 + static_cast<std::size_t>(at - fallback_->begin()), kRegions - 1);
  }

  const Wish& wish_;
  std::string_view live_;
  const std::vector<std::string>* fallback_ = nullptr;
};

bool is_known(const Shard& shard) {
  return shard.state == balance::ShardState::ready && shard.weight > 0 && !shard.addresses.empty();
}

Chosen choose_by_hash(std::string_view key, const Wish& wish, const ShardSet& shards,
                      const Settings& settings) {
  Chosen chosen;
  chosen.region = wish.region;
  if (const Shard* forced = shards.by_name(wish.forced); forced != nullptr && is_known(*forced)) {
    chosen.kind = Chosen::Kind::shard;
    chosen.shard = forced->name;
    chosen.placed = static_cast<std::uint8_t>(stick::Placed::forced);
    return chosen;
  }
  const Preference preference(wish, settings);
  const std::uint64_t room = balance::room_hash(key);
  const Shard* best = nullptr;
  std::size_t best_rank = 0;
  double best_cost = 0;
  for (const Shard& shard : shards.all()) {
    const auto rank = is_known(shard) ? preference.rank(shard) : std::nullopt;
    if (!rank || (best != nullptr && *rank > best_rank)) continue;
    const double cost =
        balance::cost(balance::rendezvous(balance::shard_hash(shard.name), room), shard.weight);
    if (best != nullptr && *rank == best_rank && cost >= best_cost) continue;
    best = &shard;
    best_rank = *rank;
    best_cost = cost;
  }
  if (best == nullptr) return chosen;
  stick::Placed placed = stick::Placed::policy;
  const bool as_wished = !wish.release.empty() && best->release == wish.release;
  if (as_wished && wish.overridden) {
    placed = stick::Placed::overridden;
  } else if (as_wished && wish.release != settings.pins.live()) {
    placed = stick::Placed::pinned;
  } else if (!Preference::in_region(best_rank)) {
    placed = stick::Placed::fallback;
  }
  chosen.kind = Chosen::Kind::shard;
  chosen.shard = best->name;
  chosen.placed = static_cast<std::uint8_t>(placed);
  return chosen;
}

}  // namespace

Chosen choose_home(const Host::Placement& placement, const ShardSet& shards, balance::Policy& policy,
                   const Settings& settings, const balance::RoomsOn& rooms_on, TimePoint now) {
  const std::optional<Wish> said = decode_wish(placement.wish);
  const Wish wish = said.value_or(Wish());
  // A room that leaves a shard was not placed by both sides of anything.
  if (placement.by_hash && placement.from.empty()) {
    return choose_by_hash(placement.key, wish, shards, settings);
  }
  Chosen chosen;
  chosen.region = wish.region;
  std::vector<stick::ShardId> except;
  const auto ours = takers(shards);
  if (said && wish.digest != digest_of(ours)) {
    if (wish.says == Wish::Says::digest) {
      chosen.kind = Chosen::Kind::say_more;
      return chosen;
    }
    for (const Candidate& shard : ours) {
      if (wish.says == Wish::Says::too_many) break;
      const bool both = std::binary_search(wish.shards.begin(), wish.shards.end(), short_hash(shard.hash));
      if (!both) except.push_back(shard.id);
    }
  }
  if (const Shard* left = shards.by_name(placement.from)) except.push_back(left->id);
  balance::Wish wished = placement_wish(wish.region, wish.release, settings);
  wished.except = except;
  const Shard* wanted = shards.by_name(wish.forced);
  if (wanted != nullptr && std::find(except.begin(), except.end(), wanted->id) != except.end())
    wanted = nullptr;
  NewRoom choose{placement.key, wished, shards, policy, settings, rooms_on, now, wanted};
  const auto shard = choose();
  if (!shard) return chosen;
  chosen.kind = Chosen::Kind::shard;
  chosen.shard = shards.by_id(*shard)->name;
  chosen.placed = static_cast<std::uint8_t>(placed_by(choose, *shard, wish.overridden));
  return chosen;
}

}  // namespace roomgate::router::route
