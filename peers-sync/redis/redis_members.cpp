// What a gate on Redis is to the other gates: it claims for one that is cut off, and asks when it is so
// itself.

#include "base/net/sleep.hpp"
#include "peers-sync/redis/arguments.hpp"
#include "peers-sync/redis/redis_replica.hpp"

namespace roomgate::peers_sync::redis {

using net::Task;

namespace {

// In all, of a request that waits for it: what a hash would answer at once. Members are in reach of a round
// trip, and Redis of another.
constexpr Duration kPatience = milliseconds(300);

}  // namespace

Task<std::optional<Claimed>> RedisReplica::claim_in_redis(std::shared_ptr<Link> link, std::string gate,
                                                          Proposal proposal) {
  using What = Claimed::What;
  std::vector<std::string> ask =
      words({"claim", proposal.key, proposal.use == Use::signalling ? "signalling" : "page", proposal.shard,
             std::to_string(proposal.placed), proposal.region, ms_text(options_.provisional_life),
             ms_text(options_.failover_hold)});
  const auto answer = co_await call(std::move(link), std::move(ask), std::move(gate));
  if (!answer || !answer->is_list(3)) co_return std::nullopt;
  const std::string& what = answer->items[0].text;
  if (what == "wait") {
    co_return Claimed{.what = What::wait, .wait = milliseconds(number_of(answer->items[2]) + 1)};
  }
  if (what == "none") co_return Claimed{.what = What::none};
  co_return Claimed{.what = what == "made" ? What::made : What::have, .entry = answer->items[1].text};
}

// --- For one that is cut off.

void RedisReplica::claim_for(Relay::Asker asker, Proposal proposal) {
  core_.spawn(do_claim_for(std::move(asker), std::move(proposal), alive_));
}

// In the asker's own name, so that the hold is its: it counts as long as the asker lives.
Task<void> RedisReplica::do_claim_for(Relay::Asker asker, Proposal proposal, Alive alive) {
  Claimed claimed;
  if (const std::shared_ptr<Link> link = link_; link != nullptr) {
    std::string gate = asker.gate();
    auto said = co_await claim_in_redis(link, std::move(gate), std::move(proposal));
    if (!*alive) co_return;
    if (said) claimed = std::move(*said);
  }
  members_->answer(asker, std::move(claimed));
}

void RedisReplica::vouch_for(const std::string& gate) {
  if (link_ != nullptr) core_.spawn(do_vouch_for(link_, gate));
}

Task<void> RedisReplica::do_vouch_for(std::shared_ptr<Link> link, std::string member) {
  std::vector<std::string> vouch = words({"vouch", member});
  (void)co_await call(link, std::move(vouch));
}

// One that has never spoken with Redis has only its members to know the time by.
void RedisReplica::heard_clock(std::int64_t now) {
  if (link_ == nullptr && run_.empty()) clock_offset_ = now - to_ms(Clock::now());
}

// --- When this one is cut off.

Task<std::optional<Claimed>> RedisReplica::ask_members(Proposal proposal, Alive alive) {
  const auto question = members_ == nullptr ? nullptr : members_->ask(proposal);
  if (question == nullptr) {
    asked_in_vain_ += members_ == nullptr ? 0 : 1;
    co_return std::nullopt;
  }
  (void)co_await question->waiter.wait(Clock::now() + kPatience);
  if (!*alive) co_return std::nullopt;
  if (!question->claimed) members_->give_up(*question);
  const bool answered = question->claimed && question->claimed->what != Claimed::What::cut;
  ++(answered ? asked_ : asked_in_vain_);
  co_return answered ? std::move(question->claimed) : std::nullopt;
}

void RedisReplica::tell_members() {
  if (members_ != nullptr) members_->say_state({.has_redis = link_ != nullptr, .now = redis_now()});
}

// As often as it would say to Redis that it lives.
Task<void> RedisReplica::keep_in_touch(Alive alive) {
  while (*alive && !leaving_) {
    tell_members();
    co_await net::sleep_for(core_, options_.lease / 3);
  }
}

void RedisReplica::learn_members(const Reply& addresses) {
  if (members_ == nullptr) return;
  std::vector<mesh::Member> live;
  std::vector<mesh::Member> others;
  for (std::size_t i = 0; i + 1 < addresses.items.size(); i += 2) {
    const std::string& name = addresses.items[i].text;
    const auto address = Address::parse(addresses.items[i + 1].text);
    // Whoever writes into Redis decides where rooms are, but not what a gate's names may look like.
    if (!address || address->is_unspecified() || name == options_.name || name.empty() || name.size() > 64) {
      continue;
    }
    const bool lives = std::any_of(other_gates_.begin(), other_gates_.end(),
                                   [&name](const auto& gate) { return gate.starts_with(name + "/"); });
    (lives ? live : others).push_back({.name = name, .addresses = {*address}});
  }
  live.insert(live.end(), others.begin(), others.end());
  members_->set_known(std::move(live));
}

Result<void, std::string> RedisReplica::set_peers(const mesh::PeersOptions& options) {
  const bool wanted = Members::wanted(options);
  if (wanted != (members_ != nullptr)) {
    return fail(std::string("from no members to some, or from some to none, needs an upgrade"));
  }
  if (!wanted) return {};
  auto set = members_->set_options(options);
  if (set) own_address_ = Members::own_address(options);
  return set;
}

}  // namespace roomgate::peers_sync::redis
