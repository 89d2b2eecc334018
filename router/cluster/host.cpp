#include "router/cluster/host.hpp"

#include "router/balance/roundrobin.hpp"
#include "router/route/agreed.hpp"
#include "router/route/wish.hpp"

namespace roomgate::router::cluster {

using peers_sync::Home;

Host::Host(net::Core& core, stick::Table& table, balance::ShardNames& names, Tell tell)
    : core_(core), table_(table), names_(names), tell_(std::move(tell)), telling_(*this) {}

void Host::set_shards(std::shared_ptr<const balance::ShardSet> shards, TimePoint now) {
  shards_ = std::move(shards);
  if (!shards_->panic(rules_.panic_share)) {
    panic_since_ = TimePoint::max();
  } else if (panic_since_ == TimePoint::max()) {
    panic_since_ = now;
  }
}

void Host::set_rules(route::Settings rules, std::string policy) {
  rules_ = std::move(rules);
  // A policy that stays goes on with its turns.
  if (policy != policy_name_) policy_.reset();
  policy_name_ = std::move(policy);
}

balance::Policy& Host::policy() {
  if (policy_ == nullptr) {
    policy_ = policy_name_ == "roundrobin"
                  ? std::make_unique<balance::RoundRobin>(balance::RoundRobinLimits(), rank_)
                  : balance::make_policy(policy_name_);
  }
  return *policy_;
}

Host::Chosen Host::choose(const Placement& placement, TimePoint now) {
  const balance::RoomsOn rooms_on = [this](stick::ShardId id) { return table_.rooms_on(id); };
  chosen_ = placement.key;
  if (may_follow(placement)) {
    Chosen chosen;
    chosen.kind = Chosen::Kind::shard;
    chosen.shard = placement.hint;
    if (const auto wish = route::decode_wish(placement.wish)) chosen.region = wish->region;
    return chosen;
  }
  return route::choose_home(placement, *shards_, policy(), rules_, rooms_on, now);
}

bool Host::may_follow(const Placement& placement) {
  const balance::Shard* shard = shards_->by_name(placement.hint);
  if (shard == nullptr || placement.hint == placement.from || !balance::takes_new_rooms(*shard)) return false;
  // A shard that is asked for by name is what the client has been told already.
  const auto wish = route::decode_wish(placement.wish);
  if (wish && !wish->forced.empty()) return false;
  return balance::below_hard_cap(*shard, [this](stick::ShardId id) { return table_.rooms_on(id); });
}

std::string Host::said_in_full(std::string_view, std::string_view wish) {
  return route::said_in_full(wish, *shards_);
}

bool Host::sees_down(std::string_view shard) {
  const balance::Shard* known = shards_->by_name(shard);
  return known != nullptr && !known->up;
}

std::vector<std::string> Host::shards_down() {
  std::vector<std::string> down;
  for (const balance::Shard& shard : shards_->all()) {
    if (!shard.up) down.push_back(shard.name);
  }
  return down;
}

bool Host::in_panic(TimePoint now) {
  return panic_since_ != TimePoint::max() && now - panic_since_ < rules_.panic_hold;
}

std::optional<std::size_t> Host::participants(std::string_view key, std::string_view shard) {
  return census_ ? census_(key, shard) : std::nullopt;
}

void Host::put(std::string_view key, const Home& home) {
  stick::Entry entry = route::entry_of(home, names_.id_of(home.shard), table_.regions());
  if (key == chosen_ && entry.origin == stick::Origin::peer) entry.origin = stick::Origin::request;
  chosen_.clear();
  // Said again, it is still who it was.
  const auto known = table_.peek(key);
  if (known && known->generation == entry.generation && known->shard == entry.shard) {
    entry.origin = known->origin;
  }
  table_.agree(key, entry);
}

void Host::drop(std::string_view key) { (void)table_.forget(key); }

bool Host::give_back(std::string_view key, TimePoint now) { return table_.give_back(key, now); }

Host::LocalUse Host::local_use(std::string_view key, TimePoint now) {
  const auto use = table_.local_use(key, now);
  return {.held = use.held, .tunnels = use.tunnels, .last_used = use.last_used};
}

std::size_t Host::tunnels(std::string_view key) {
  const auto entry = table_.peek(key);
  return entry ? entry->holds : 0;
}

void Host::moved(std::string_view key, std::string_view from, const Home& to) {
  const bool drained = to.placed == static_cast<std::uint8_t>(stick::Placed::drained);
  news_.moved.push_back({std::string(key), std::string(from), to.shard, drained});
  tell_soon();
}

void Host::heard(const peers_sync::Word& word) {
  news_.heard.push_back(word);
  tell_soon();
}

void Host::ready_changed(bool ready) {
  news_.ready = ready;
  tell_soon();
}

void Host::tell_soon() { core_.at_end_of_turn(telling_); }

void Host::tell_all() {
  if (!news_.empty()) tell_(std::exchange(news_, News()));
}

}  // namespace roomgate::router::cluster
