#include "tests/peers-sync/claim/simulation/gate.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "peers-sync/claim/status.hpp"

namespace roomgate::peers_sync::claim::simulation {
namespace {

constexpr Duration kPanicHold = seconds(3);

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += name + ",";
  return text;
}

std::string digest(const std::string& text) { return "#" + std::to_string(short_hash(text)); }

}  // namespace

Gate::Gate(World& world, Surroundings& around, World::Index index, NodeOptions options, const Table& table,
           TimePoint now)
    : world_(world),
      around_(around),
      index_(index),
      options_(options),
      node_(std::move(options), *this, *this, now) {
  std::vector<std::string> others;
  for (World::Index i = 0; i < world.size(); ++i) {
    if (i != index && world.linked(index, i)) others.push_back(world.name(i));
  }
  node_.set_configured(others, now);
  for (const auto& [key, home] : table) node_.adopt(key, home, now);
}

// --- Cores.

bool Gate::held(const Local& local, bool provisional, Duration within, TimePoint now) const {
  const TimePoint last = provisional ? local.signalling : local.any;
  return local.tunnels > 0 || (last != TimePoint{} && now - last < within);
}

void Gate::request(const std::string& key, Use use, Replica::Done done, TimePoint now) {
  Local& local = local_[key];
  const auto entry = table_.find(key);
  // 80 of the 90 seconds.
  const bool known = entry != table_.end() &&
                     held(local, entry->second.provisional, options_.recent * 8 / 9, now) &&
                     (!entry->second.provisional || use == Use::page);
  local.any = now;
  if (use == Use::signalling) local.signalling = now;
  if (known) return done({.home = entry->second});
  node_.claim({.key = key, .use = use, .wish = wish()}, std::move(done), now);
}

bool Gate::in_use(const std::string& key, TimePoint) const {
  const auto local = local_.find(key);
  return local != local_.end() && local->second.tunnels > 0;
}

void Gate::elsewhere(const std::string& key, const std::string& from, Replica::Done done, TimePoint now) {
  node_.elsewhere({.key = key, .from = from, .was_in_use = in_use(key, now), .wish = joined(eligible())},
                  std::move(done), now);
}

void Gate::settle(const std::string& key, const std::string& from, const Outcome& candidate,
                  Replica::Done done, TimePoint now) {
  node_.settle({.key = key, .from = from, .to = candidate.home.shard, .was_in_use = in_use(key, now)},
               std::move(done), now);
}

void Gate::open_tunnel(const std::string& key) { ++local_[key].tunnels; }

void Gate::close_tunnel(const std::string& key, TimePoint now) {
  Local& local = local_[key];
  --local.tunnels;
  local.any = local.signalling = now;
}

// --- The router's part.

std::vector<std::string> Gate::eligible() const {
  std::vector<std::string> shards = around_.shards();
  std::erase_if(shards, [&](const std::string& shard) {
    return drained_.contains(shard) || around_.sees_down(index_, shard);
  });
  return shards;
}

std::string Gate::wish() const { return digest(joined(eligible())); }

std::string Gate::said_in_full(std::string_view, std::string_view) { return joined(eligible()); }

Host::Chosen Gate::choose(const Placement& placement, TimePoint) {
  std::vector<std::string> shards = eligible();
  if (placement.by_hash) {
    shards = around_.shards();
    std::erase_if(shards, [&](const std::string& shard) { return drained_.contains(shard); });
  } else if (placement.wish.starts_with('#')) {
    if (placement.wish != wish()) return {.kind = Chosen::Kind::say_more};
  } else if (!placement.wish.empty()) {
    std::erase_if(shards, [&](const std::string& shard) {
      return placement.wish.find(shard + ",") == std::string_view::npos;
    });
  }
  std::erase_if(shards, [&](const std::string& shard) { return shard == placement.from; });
  if (shards.empty()) return {};
  const auto rooms = [&](const std::string& shard) {
    return std::count_if(table_.begin(), table_.end(),
                         [&](const auto& one) { return one.second.shard == shard; });
  };
  const auto best =
      std::max_element(shards.begin(), shards.end(), [&](const std::string& a, const std::string& b) {
        if (!placement.by_hash) return rooms(a) > rooms(b);
        const std::string key(placement.key);
        return short_hash(key + a) < short_hash(key + b);
      });
  return {.kind = Chosen::Kind::shard, .shard = *best};
}

bool Gate::sees_down(std::string_view shard) { return around_.sees_down(index_, std::string(shard)); }

std::vector<std::string> Gate::shards_down() {
  std::vector<std::string> down = around_.shards();
  std::erase_if(down, [&](const std::string& shard) { return !around_.sees_down(index_, shard); });
  return down;
}

bool Gate::in_panic(TimePoint now) {
  const std::size_t down = shards_down().size();
  if (down < 2 || down * 2 <= around_.shards().size()) {
    many_down_since_.reset();
    return false;
  }
  if (!many_down_since_) many_down_since_ = now;
  return now - *many_down_since_ < kPanicHold;
}

std::optional<std::size_t> Gate::participants(std::string_view key, std::string_view shard) {
  return around_.participants(key, shard);
}

// --- The table.

void Gate::put(std::string_view key, const Home& home) {
  around_.put(index_, std::string(key), home);
  table_.insert_or_assign(std::string(key), home);
}

void Gate::drop(std::string_view key) {
  if (world_.verbose()) world_.log(index_, "drops " + std::string(key));
  if (const auto at = table_.find(key); at != table_.end()) table_.erase(at);
}

bool Gate::give_back(std::string_view key, TimePoint now) {
  const auto at = table_.find(key);
  if (at == table_.end()) return true;
  const auto local = local_.find(key);
  if (local != local_.end() && held(local->second, at->second.provisional, options_.recent, now))
    return false;
  table_.erase(at);
  return true;
}

Host::LocalUse Gate::local_use(std::string_view key, TimePoint now) {
  const auto local = local_.find(key);
  if (local == local_.end()) return {};
  const auto entry = table_.find(key);
  const bool provisional = entry != table_.end() && entry->second.provisional;
  return {.held = held(local->second, provisional, options_.recent, now),
          .tunnels = local->second.tunnels > 0,
          .last_used = local->second.tunnels > 0 ? now : local->second.any};
}

void Gate::moved(std::string_view key, std::string_view from, const Home& to) {
  around_.moved(index_, std::string(key), std::string(from), to);
}

void Gate::heard(const Word& word) {
  constexpr std::string_view kState = "shard-state/";
  if (!word.name.starts_with(kState)) return;
  const std::string shard = word.name.substr(kState.size());
  word.value == "drain" ? static_cast<void>(drained_.insert(shard))
                        : static_cast<void>(drained_.erase(shard));
}

void Gate::ready_changed(bool ready) {
  if (world_.verbose()) world_.log(index_, ready ? "is ready" : "is not ready any more");
}

// --- Program

void Gate::watch() {
  if (!world_.verbose()) return;
  const ReplicaStatus status = node_.status(world_.local(index_));
  std::string looks = status.state + " in {";
  for (const std::string& name : status.view) looks += " " + name.substr(5);
  looks += status.may_decide ? " }, decides" : " }";
  if (looks != looked_) world_.log(index_, looks);
  looked_ = looks;
}

void Gate::send(const std::string& gate, Packet packet) { world_.send(index_, gate, std::move(packet)); }
void Gate::connected(const std::string& gate, TimePoint now) { node_.connected(gate, now); }
void Gate::lost(const std::string& gate, TimePoint now) { node_.lost(gate, now); }
void Gate::refused(const std::string& gate, TimePoint now) { node_.refused(gate, now); }
void Gate::receive(const std::string& from, const Packet& packet, TimePoint now) {
  REQUIRE(node_.receive(from, packet.type, as_bytes(packet.body), now));
  watch();
}
void Gate::tick(TimePoint now) {
  node_.tick(now);
  watch();
}
TimePoint Gate::next() const { return node_.next(); }
void Gate::resign(TimePoint now) { node_.resign(now); }
void Gate::leave(TimePoint now) { node_.leave(now); }
bool Gate::has_left(TimePoint) const { return node_.has_left(); }

}  // namespace roomgate::peers_sync::claim::simulation
