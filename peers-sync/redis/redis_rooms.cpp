// What is asked of a replica on Redis about single rooms, and operators' words: each a coroutine that waits
// for the connection, asks the script, and takes what it says.

#include "base/log.hpp"
#include "peers-sync/redis/arguments.hpp"
#include "peers-sync/redis/redis_replica.hpp"
#include "peers-sync/redis/script.hpp"

namespace roomgate::peers_sync::redis {

using net::Task;

Task<std::shared_ptr<Link>> RedisReplica::linked(TimePoint deadline, Alive alive) {
  while (true) {
    // One that broke just now is noticed by whoever needs it first.
    if (link_ != nullptr && !link_->is_open()) cut(link_->error());
    if (link_ != nullptr) co_return link_;
    if (Clock::now() >= deadline || sleepers_.size() >= options_.max_waiting) co_return nullptr;
    const auto sleeper = std::make_shared<Sleeper>(core_);
    const auto place = sleepers_.insert(sleepers_.end(), sleeper);
    (void)co_await sleeper->waiter.wait(deadline);
    if (!*alive) co_return nullptr;
    sleepers_.erase(place);
  }
}

Host::Chosen RedisReplica::choose(const Host::Placement& placement) {
  auto chosen = host_.choose(placement, Clock::now());
  if (chosen.kind != Host::Chosen::Kind::say_more) return chosen;
  const std::string full = host_.said_in_full(placement.key, placement.wish);
  Host::Placement again = placement;
  again.wish = full;
  return host_.choose(again, Clock::now());
}

void RedisReplica::claim(Claim claim, Done done) {
  core_.spawn(decide(std::move(claim), std::move(done), alive_));
}

Task<void> RedisReplica::decide(Claim claim, Done done, Alive alive) {
  const auto deadline = Clock::now() + options_.claim_timeout;
  Host::Chosen chosen;
  bool asked = false;
  while (true) {
    const auto link = co_await linked(
        std::min(deadline, std::max(Clock::now(), cut_since_ + options_.cut_off_after)), alive);
    if (!*alive) co_return;
    const auto known = rooms_.find(claim.key);
    if (link == nullptr) {
      const bool crowded = sleepers_.size() >= options_.max_waiting;
      if (!is_cut_off(Clock::now())) {
        if (crowded || Clock::now() >= deadline) co_return done({.refusal = Refusal::no_owner});
        continue;
      }
      // Of what is held here Redis and the others know nothing newer.
      if (known != rooms_.end() && known->second.held) co_return place_alone(claim, done);
    }
    if (known == rooms_.end() && rooms_.size() >= options_.max_entries) {
      co_return done({.refusal = Refusal::table_full});
    }
    // Where it is known no choice is made in vain.
    if (!asked && known == rooms_.end()) {
      asked = true;
      chosen = choose({.key = claim.key, .wish = claim.wish});
    }
    Proposal proposal{.key = claim.key, .use = claim.use, .placed = chosen.placed, .region = chosen.region};
    if (asked && chosen.kind == Host::Chosen::Kind::shard) proposal.shard = chosen.shard;
    std::optional<Claimed> claimed;
    if (link != nullptr) {
      std::string own = gate();
      claimed = co_await claim_in_redis(link, std::move(own), std::move(proposal));
    } else {
      claimed = co_await ask_members(std::move(proposal), alive);
    }
    if (!*alive) co_return;
    if (!claimed) {
      if (link == nullptr && is_cut_off(Clock::now())) co_return place_alone(claim, done);
      if (Clock::now() >= deadline) co_return done({.refusal = Refusal::no_owner});
      continue;  // linked() waits for the next connection
    }
    switch (claimed->what) {
      case Claimed::What::wait:
        if (Clock::now() + claimed->wait >= deadline) co_return done({.refusal = Refusal::no_owner});
        co_await net::sleep_for(core_, claimed->wait);
        if (!*alive) co_return;
        continue;
      case Claimed::What::none:
        if (asked) co_return done({.refusal = Refusal::no_shard});
        asked = true;
        chosen = choose({.key = claim.key, .wish = claim.wish});
        continue;
      case Claimed::What::have:
      case Claimed::What::made:
      case Claimed::What::cut: break;
    }
    const auto entry = unpack(claimed->entry);
    if (!entry) co_return done({.refusal = Refusal::no_owner});
    ++changes_out_;
    const Home home = take(claim.key, *entry, claim.use == Use::signalling);
    co_return done({.home = home, .created = claimed->what == Claimed::What::made});
  }
}

void RedisReplica::place_alone(const Claim& claim, const Done& done) {
  const auto known = rooms_.find(claim.key);
  if (known != rooms_.end() && known->second.entry.is_live(redis_now())) {
    if (claim.use == Use::signalling) {
      known->second.held = true;
      known->second.claimed_at = Clock::now();
    }
    return done({.home = home_of(known->second.entry)});
  }
  if (known == rooms_.end() && rooms_.size() >= options_.max_entries) {
    return done({.refusal = Refusal::table_full});
  }
  const auto chosen = choose({.key = claim.key, .wish = claim.wish, .by_hash = true});
  if (chosen.kind != Host::Chosen::Kind::shard) return done({.refusal = Refusal::no_shard});
  Cached& cached = rooms_[claim.key];
  cached.entry = {.generation = cached.entry.shard.empty() ? 1 : cached.entry.generation + 1,
                  .shard = chosen.shard,
                  .created = redis_now(),
                  .idle = 0,
                  .provisional = claim.use == Use::page,
                  .placed = chosen.placed,
                  .region = chosen.region};
  // Said to Redis when it is there again.
  cached.held = cached.weak = true;
  cached.claimed_at = Clock::now();
  const Home home = home_of(cached.entry);
  host_.put(claim.key, home);
  done({.home = home, .created = true});
}

void RedisReplica::elsewhere(Elsewhere ask, Done done) {
  core_.spawn(ask_elsewhere(std::move(ask), std::move(done), alive_));
}

Task<void> RedisReplica::ask_elsewhere(Elsewhere ask, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::stay});
  // What is seen down is a second old at most otherwise.
  co_await beat(link, alive);
  if (!*alive) co_return;
  std::vector<std::string> move =
      words({"move", ask.key, ask.from, "", "0", "ask", ask.was_in_use ? "1" : "0",
             host_.in_panic(Clock::now()) ? "1" : "0", ms_text(options_.reconnect_grace)});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry) co_return done({.refusal = Refusal::stay});
  const std::string& what = answer->items[0].text;
  if (what == "have") co_return done({.home = take(ask.key, *entry, true)});
  if (what != "may") co_return done({.refusal = Refusal::stay});
  const auto chosen = choose({.key = ask.key, .wish = ask.wish, .from = ask.from});
  if (chosen.kind != Host::Chosen::Kind::shard) co_return done({.refusal = Refusal::no_shard});
  Home home = home_of(*entry);
  home.shard = chosen.shard;
  home.placed = chosen.placed;
  co_return done({.home = std::move(home), .candidate = true});
}

void RedisReplica::settle(Settle settle, Done done) {
  core_.spawn(do_settle(std::move(settle), std::move(done), alive_));
}

Task<void> RedisReplica::do_settle(Settle settle, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::stay});
  std::vector<std::string> move =
      words({"move", settle.key, settle.from, settle.to, std::to_string(settle.placed), "settle",
             settle.was_in_use ? "1" : "0", host_.in_panic(Clock::now()) ? "1" : "0",
             ms_text(options_.reconnect_grace)});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry || answer->items[0].text == "stay") co_return done({.refusal = Refusal::stay});
  const bool moved = answer->items[0].text == "moved";
  co_return done({.home = take(settle.key, *entry, true), .moved = moved});
}

void RedisReplica::move(std::string key, std::string to, std::uint8_t placed, Done done) {
  core_.spawn(do_move(std::move(key), std::move(to), placed, std::move(done), alive_));
}

Task<void> RedisReplica::do_move(std::string key, std::string to, std::uint8_t placed, Done done,
                                 Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  const auto known = rooms_.find(key);
  if (link == nullptr) co_return done({.refusal = Refusal::no_owner});
  if (known == rooms_.end()) co_return done({.refusal = Refusal::stay});
  const bool held = known->second.held;
  std::vector<std::string> move =
      words({"move", key, known->second.entry.shard, to, std::to_string(placed), "order", "0", "0", "0"});
  const auto answer = co_await call(link, std::move(move));
  if (!*alive) co_return;
  const auto entry = answer && answer->is_list(2) ? unpack(answer->items[1].text) : std::nullopt;
  if (!entry) co_return done({.refusal = Refusal::stay});
  const bool moved = answer->items[0].text == "moved";
  co_return done({.home = take(key, *entry, held), .moved = moved});
}

void RedisReplica::forget(std::string key, Done done) {
  core_.spawn(do_forget(std::move(key), std::move(done), alive_));
}

Task<void> RedisReplica::do_forget(std::string key, Done done, Alive alive) {
  const auto link = co_await linked(Clock::now() + options_.claim_timeout, alive);
  if (!*alive) co_return;
  if (link == nullptr) co_return done({.refusal = Refusal::no_owner});
  std::vector<std::string> forget = words({"forget", key});
  const auto answer = co_await call(link, std::move(forget));
  if (!*alive) co_return;
  const bool known = answer && answer->is_list(1) && answer->items[0].text == "1";
  if (known) {
    rooms_.erase(key);
    host_.drop(key);
  }
  co_return done({.refusal = known ? Refusal::none : answer ? Refusal::stay : Refusal::no_owner});
}

void RedisReplica::say(std::string name, std::string value) {
  core_.spawn(do_say(std::move(name), std::move(value), alive_));
}

Task<void> RedisReplica::do_say(std::string name, std::string value, Alive alive) {
  // Said as soon as there is somebody to say it to.
  while (true) {
    const auto link = co_await linked(TimePoint::max(), alive);
    if (!*alive || link == nullptr) co_return;
    std::vector<std::string> say = words({"say", name, value});
    const auto answer = co_await call(link, std::move(say));
    if (!*alive || answer) co_return;
  }
}

void RedisReplica::adopt(std::string key, Home home) {
  if (adopting_.size() >= options_.max_entries) return;
  adopting_.emplace_back(std::move(key), std::move(home));
  if (adopting_.size() == 1) core_.spawn(do_adopt(alive_));
}

Task<void> RedisReplica::do_adopt(Alive alive) {
  while (!adopting_.empty()) {
    const auto link = co_await linked(TimePoint::max(), alive);
    if (!*alive || link == nullptr) co_return;
    const std::size_t count = std::min(adopting_.size(), kBatch);
    std::vector<std::string> adopt = words({"adopt", ms_text(options_.idle)});
    for (std::size_t i = 0; i < count; ++i) {
      adopt.push_back(adopting_[i].first);
      adopt.push_back(pack(entry_of(adopting_[i].second)));
    }
    const auto answer = co_await call(link, std::move(adopt));
    if (!*alive) co_return;
    if (!answer || !answer->is_list(count)) continue;
    for (std::size_t i = 0; i < count; ++i) {
      const auto entry = unpack(answer->items[i].text);
      if (entry) (void)take(adopting_[i].first, *entry, false);
    }
    adopting_.erase(adopting_.begin(), adopting_.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

}  // namespace roomgate::peers_sync::redis
