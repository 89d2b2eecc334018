#include "peers-sync/redis/relay.hpp"

#include <algorithm>

namespace roomgate::peers_sync::redis {

void Relay::connected(const std::string& member, std::uint64_t life) {
  members_[member] = Member{.life = life};
  listener_.send(member, kState, encode(state_));
}

void Relay::lost(const std::string& member) {
  const auto found = members_.find(member);
  if (found == members_.end()) return;
  no_answer_of(member);
  members_.erase(found);
}

void Relay::say_state(const State& state) {
  state_ = state;
  const std::string body = encode(state);
  for (const auto& [name, member] : members_) listener_.send(name, kState, body);
}

std::optional<std::uint64_t> Relay::ask(const Proposal& proposal, TimePoint now) {
  if (asks_.size() >= limits_.asks || members_.empty()) return std::nullopt;
  // Each in turn: what the others do for us is shared among them.
  Asked asked;
  auto at = std::next(members_.begin(), static_cast<std::ptrdiff_t>(last_ask_ % members_.size()));
  for (std::size_t i = 0; i < members_.size() && asked.size() < limits_.asked_at_once; ++i) {
    const auto& [name, member] = *at;
    if (member.has_redis.value_or(false) && member.rests_until <= now) asked.push_back(name);
    if (++at == members_.end()) at = members_.begin();
  }
  if (asked.empty()) return std::nullopt;
  const std::uint64_t id = ++last_ask_;
  const std::string body = encode(RelayAsk{.id = id, .proposal = proposal});
  for (const std::string& name : asked) listener_.send(name, kAsk, body);
  asks_.emplace(id, std::move(asked));
  return id;
}

void Relay::give_up(std::uint64_t ask, TimePoint now) {
  const auto found = asks_.find(ask);
  if (found == asks_.end()) return;
  for (const std::string& name : found->second) {
    if (const auto member = members_.find(name); member != members_.end()) {
      member->second.rests_until = now + limits_.rest;
    }
  }
  asks_.erase(found);
}

void Relay::answer(const Asker& asker, Claimed claimed) {
  const auto found = members_.find(asker.member);
  if (found == members_.end() || found->second.life != asker.life) return;
  if (found->second.served > 0) --found->second.served;
  listener_.send(asker.member, kAnswer, encode(RelayAnswer{.id = asker.id, .claimed = std::move(claimed)}));
}

bool Relay::packet(const std::string& name, std::uint8_t type, ByteView body, TimePoint now) {
  const auto found = members_.find(name);
  if (found == members_.end()) return true;
  Member& member = found->second;
  switch (type) {
    case kState: {
      const auto state = read_state(body);
      if (!state) return false;
      member.has_redis = state->has_redis;
      if (state->has_redis) {
        listener_.heard_clock(state->now);
      } else {
        no_answer_of(name);
        if (now - member.vouched < limits_.vouching) return true;
        member.vouched = now;
        // Its name is the session's, whoever it says it is.
        listener_.vouch_for(Asker{.member = name, .life = member.life}.gate());
      }
      return true;
    }
    case kAsk: {
      auto ask = read_relay_ask(body);
      if (!ask) return false;
      if (member.served >= limits_.served) return true;
      ++member.served;
      listener_.claim_for({.member = name, .life = member.life, .id = ask->id}, std::move(ask->proposal));
      return true;
    }
    case kAnswer: {
      auto answer = read_relay_answer(body);
      if (!answer) return false;
      take_answer(name, std::move(*answer));
      return true;
    }
    // Of the mode that needs no Redis: we have nothing to say to each other. What is newer is not for us.
    default: return type > kFirstRelayPacket;
  }
}

void Relay::take_answer(const std::string& name, RelayAnswer answer) {
  const auto found = asks_.find(answer.id);
  if (found == asks_.end()) return;  // another was faster, or it came too late
  const auto at = std::find(found->second.begin(), found->second.end(), name);
  if (at == found->second.end()) return;
  if (answer.claimed.what == Claimed::What::cut) {
    if (const auto member = members_.find(name); member != members_.end()) member->second.has_redis = false;
    found->second.erase(at);
    if (!found->second.empty()) return;
  }
  asks_.erase(found);
  listener_.answered(answer.id, std::move(answer.claimed));
}

void Relay::no_answer_of(const std::string& name) {
  std::vector<std::uint64_t> over;
  for (auto& [id, asked] : asks_) {
    if (std::erase(asked, name) > 0 && asked.empty()) over.push_back(id);
  }
  for (const std::uint64_t id : over) {
    asks_.erase(id);
    listener_.answered(id, {});
  }
}

std::optional<bool> Relay::has_redis(std::string_view member) const {
  const auto found = members_.find(member);
  return found == members_.end() ? std::nullopt : found->second.has_redis;
}

}  // namespace roomgate::peers_sync::redis
