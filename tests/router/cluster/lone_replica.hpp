// A replica that is alone: it decides everything at once, by a map. With it the way of a question to the
// peers core and back is tested, without a mesh.
#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "peers-sync/replica.hpp"

namespace roomgate::tests {

class LoneReplica final : public peers_sync::Replica {
 public:
  explicit LoneReplica(peers_sync::Host& host, std::string name = "gate-a")
      : host_(host), name_(std::move(name)) {
    host_.ready_changed(true);
  }

  using Outcome = peers_sync::Outcome;
  using Refusal = peers_sync::Refusal;
  using Home = peers_sync::Home;

  void claim(peers_sync::Claim claim, Done done) override {
    ++claims;
    if (silent) return held_back.push_back(std::move(done));
    if (const auto known = homes.find(claim.key); known != homes.end()) return done(at(known->second));
    const auto chosen = host_.choose({.key = claim.key, .wish = claim.wish}, Clock::now());
    if (chosen.kind != peers_sync::Host::Chosen::Kind::shard) return done(refused(Refusal::no_shard));
    Home home{.shard = chosen.shard, .generation = 1, .created = Clock::now()};
    home.provisional = claim.use == peers_sync::Use::page;
    home.placed = chosen.placed;
    home.region = chosen.region;
    put(claim.key, home);
    Outcome outcome = at(home);
    outcome.created = true;
    done(outcome);
  }
  void elsewhere(peers_sync::Elsewhere ask, Done done) override {
    const auto known = homes.find(ask.key);
    if (known == homes.end() || ask.was_in_use) return done(refused(Refusal::stay));
    const auto chosen = host_.choose({.key = ask.key, .wish = ask.wish, .from = ask.from}, Clock::now());
    if (chosen.kind != peers_sync::Host::Chosen::Kind::shard) return done(refused(Refusal::no_shard));
    Outcome outcome = at(known->second);
    outcome.home.shard = chosen.shard;
    outcome.candidate = true;
    done(outcome);
  }
  void settle(peers_sync::Settle settle, Done done) override {
    move(settle.key, settle.to, settle.placed, std::move(done));
  }
  void move(std::string key, std::string to, std::uint8_t placed, Done done) override {
    const auto known = homes.find(key);
    if (known == homes.end()) return done(refused(Refusal::stay));
    const std::string from = known->second.shard;
    Home home = known->second;
    home.shard = to;
    home.placed = placed;
    ++home.generation;
    put(key, home);
    host_.moved(key, from, home);
    Outcome outcome = at(home);
    outcome.moved = true;
    done(outcome);
  }
  void forget(std::string key, Done done) override {
    if (homes.erase(key) == 0) return done(refused(Refusal::stay));
    host_.drop(key);
    done(Outcome());
  }
  void say(std::string name, std::string value) override { said.emplace_back(name, value); }
  void adopt(std::string key, Home home) override {
    if (!homes.contains(key)) put(key, home);
  }

  bool ready() const override { return true; }
  peers_sync::ReplicaStatus status() const override {
    peers_sync::ReplicaStatus status;
    status.mode = "peers";
    status.state = "member";
    status.ready = status.may_decide = true;
    status.view = {name_};
    status.splits = splits;
    status.clamped = clamped;
    return status;
  }
  std::vector<peers_sync::PeerRow> peers() const override { return rows; }
  peers_sync::RoomFacts facts(std::string_view key) const override {
    peers_sync::RoomFacts facts;
    facts.owner = owner.empty() ? name_ : owner;
    if (const auto known = homes.find(std::string(key)); known != homes.end()) facts.home = known->second;
    return facts;
  }
  std::vector<std::string> split_rooms(std::size_t limit) const override {
    return {split.begin(), split.begin() + static_cast<std::ptrdiff_t>(std::min(limit, split.size()))};
  }
  void count_tunnels(std::string, Counted done) override { done(tunnels_elsewhere, true); }
  void leave(std::function<void()> left) override {
    has_left = true;
    left();
  }

  std::map<std::string, Home> homes;
  std::vector<std::pair<std::string, std::string>> said;
  std::vector<peers_sync::PeerRow> rows;
  std::vector<std::string> split;
  std::vector<Done> held_back;  // claims while it was silent
  std::string owner;            // another one's name: it decides about nothing
  std::size_t tunnels_elsewhere = 0;
  std::uint64_t splits = 0;
  std::uint64_t clamped = 0;
  std::size_t claims = 0;
  bool silent = false;
  bool has_left = false;

 private:
  static Outcome refused(Refusal refusal) {
    Outcome outcome;
    outcome.refusal = refusal;
    return outcome;
  }
  static Outcome at(const Home& home) {
    Outcome outcome;
    outcome.home = home;
    return outcome;
  }
  void put(const std::string& key, const Home& home) {
    homes[key] = home;
    host_.put(key, home);
  }

  peers_sync::Host& host_;
  std::string name_;
};

}  // namespace roomgate::tests
