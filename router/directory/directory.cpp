#include "router/directory/directory.hpp"

#include <algorithm>

#include "base/address.hpp"

namespace roomgate::router::directory {

using balance::ShardState;

namespace {

constexpr std::uint16_t kNoPort = 0;

std::string agent_of(const std::string& address, std::uint16_t port) {
  const auto parsed = Address::parse(address);
  return port == kNoPort || !parsed ? std::string() : parsed->with_port(port).to_string();
}

// What a block says of one of its shards; put together before it is held against what is known.
struct Said {
  std::vector<std::string> addresses;
  std::string announce;
  std::string agent;
  std::string source;
  ShardKind kind;
};

bool same(const Known& known, const Said& said) {
  return known.addresses == said.addresses && known.announce == said.announce && known.agent == said.agent &&
         known.source == said.source && known.kind == said.kind && !known.leaving;
}

ShardState agent_state(const health::AgentWord& word) {
  switch (word.state) {
    case health::AgentWord::State::drain: return ShardState::drain;
    case health::AgentWord::State::maint: return ShardState::maint;
    case health::AgentWord::State::none:
    case health::AgentWord::State::ready:
    case health::AgentWord::State::down: break;
  }
  return ShardState::ready;
}

}  // namespace

bool Directory::set_blocks(std::vector<ShardBlock> shards, std::vector<DiscoverBlock> discover,
                           TimePoint now) {
  blocks_ = std::move(shards);
  discover_ = std::move(discover);
  std::erase_if(found_, [this](const auto& answer) {
    return std::none_of(discover_.begin(), discover_.end(),
                        [&answer](const DiscoverBlock& block) { return block.question() == answer.first; });
  });
  const bool changed = rebuild(now);
  began_ = true;
  return changed;
}

bool Directory::set_found(const std::string& question, std::vector<Endpoint> endpoints, TimePoint now) {
  found_[question] = std::move(endpoints);
  return rebuild(now);
}

bool Directory::set_peer_shards(std::vector<PeerShard> shards, TimePoint now) {
  peer_shards_ = std::move(shards);
  return rebuild(now);
}

bool Directory::rebuild(TimePoint now) {
  std::map<std::string, Said> said;
  contested_.clear();
  for (const ShardBlock& block : blocks_) {
    said[block.name] = {{block.address}, block.announce, block.agent, "settings", block.kind};
  }
  std::map<std::string, Nameless> nameless;
  for (const DiscoverBlock& block : discover_) {
    const std::string question = block.question();
    const auto answer = found_.find(question);
    if (answer == found_.end()) continue;
    for (const Endpoint& endpoint : answer->second) {
      std::string name = endpoint.name;
      if (block.name_from == NameFrom::announced) {
        Nameless& one = nameless[endpoint.address];
        if (const auto before = nameless_.find(endpoint.address); before != nameless_.end()) {
          one = before->second;
        }
        one.kind = block.kind;
        if (one.announced.empty()) continue;
        name = block.name_prefix + one.announced;
      }
      const auto [place, is_new] = said.try_emplace(name);
      Said& shard = place->second;
      if (is_new) {
        shard.source = question;
        shard.kind = block.kind;
        shard.agent = agent_of(endpoint.address, block.agent_port);
        if (block.name_from == NameFrom::announced) shard.announce = nameless[endpoint.address].announced;
        if (endpoint.weight) shard.kind.weight = *endpoint.weight;
      } else if (shard.source != question) {
        contested_.push_back(name);
        continue;
      }
      shard.addresses.push_back(endpoint.address);
    }
  }
  nameless_ = std::move(nameless);
  for (const PeerShard& shard : peer_shards_) {
    said.try_emplace(shard.name,
                     Said{shard.addresses, shard.announce, {}, std::string(kFromPeers), shard.kind});
  }

  bool changed = false;
  for (auto& [name, shard] : said) {
    // Answers come in any order: it must not matter.
    std::sort(shard.addresses.begin(), shard.addresses.end());
    shard.addresses.erase(std::unique(shard.addresses.begin(), shard.addresses.end()), shard.addresses.end());
    const auto [place, is_new] = known_.try_emplace(name);
    Known& known = place->second;
    if (!is_new && same(known, shard)) continue;
    changed = true;
    if (is_new) {
      known.name = name;
      if (began_) known.ramp_begin = now;
      if (const auto word = words_.find(name); word != words_.end()) {
        known.word = word->second;
        words_.erase(word);
      }
    }
    known.addresses = shard.addresses;
    known.announce = shard.announce;
    known.agent = shard.agent;
    known.source = shard.source;
    known.kind = shard.kind;
    known.leaving = false;
  }
  for (auto& [name, known] : known_) {
    if (known.leaving || said.contains(name)) continue;
    known.leaving = true;
    changed = true;
  }
  return changed;
}

bool Directory::prune(const std::function<std::size_t(balance::ShardId)>& rooms_on) {
  return std::erase_if(known_, [&](const auto& entry) {
           const Known& known = entry.second;
           if (!known.leaving || rooms_on(names_->id_of(known.name)) > 0) return false;
           // It may come back; the operator's word still holds then.
           if (known.word.version > 0 || known.word.local) words_[known.name] = known.word;
           names_->release(known.name);
           return true;
         }) > 0;
}

Directory::Heard Directory::set_verdict(const std::string& target, const health::Verdict& verdict,
                                        TimePoint now) {
  if (const auto one = nameless_.find(target); one != nameless_.end()) {
    const std::string announced = verdict.last.announced.value_or("");
    if (announced.empty() || announced == one->second.announced) return Heard::nothing;
    one->second.announced = announced;
    return rebuild(now) ? Heard::renamed : Heard::nothing;
  }
  const auto place = known_.find(target);
  if (place == known_.end()) return Heard::nothing;
  Known& known = place->second;
  if (verdict.up && !known.verdict.up) known.ramp_begin = now;
  const balance::Shard before = describe(known);
  known.verdict = verdict;
  const balance::Shard after = describe(known);
  const bool same = before.up == after.up && before.soft_down == after.soft_down &&
                    before.state == after.state && before.share == after.share &&
                    before.announced == after.announced && before.down_since == after.down_since;
  return same ? Heard::load : Heard::news;
}

bool Directory::set_state(std::string_view shard, ShardState state, bool local) {
  const auto place = known_.find(shard);
  if (place == known_.end()) return false;
  StateWord& word = place->second.word;
  word.state = state;
  word.local = local;
  if (!local) ++word.version;
  return true;
}

bool Directory::hear_state(std::string_view shard, ShardState state, std::uint64_t version) {
  const auto place = known_.find(shard);
  StateWord& word = place == known_.end() ? words_[std::string(shard)] : place->second.word;
  // Learned anew, after a restart or an upgrade, it is no news to whoever has said otherwise here since.
  if (version < word.version || (word.local && version == word.version)) return false;
  word = {.state = state, .version = version};
  return true;
}

const Known* Directory::find(std::string_view name) const {
  const auto place = known_.find(name);
  return place == known_.end() ? nullptr : &place->second;
}

balance::Shard Directory::describe(const Known& known) const {
  balance::Shard shard;
  shard.id = names_->id_of(known.name);
  shard.name = known.name;
  shard.addresses = known.addresses;
  shard.region = known.kind.region;
  shard.release = known.kind.release;
  shard.weight = known.kind.weight;
  shard.share = known.verdict.agent.percent;
  shard.soft_rooms = known.kind.soft_rooms;
  shard.max_rooms = known.kind.max_rooms;
  shard.max_connections = known.kind.max_connections;
  shard.ramp_begin = known.ramp_begin;
  // A shard that drains itself, is full, or goes away gets no new rooms, nor does one of which this gate's
  // own settings say nothing; an operator's word is stronger, not weaker.
  ShardState own = agent_state(known.verdict.agent);
  if (known.leaving || known.verdict.last.refuses_new_rooms || known.source == kFromPeers) {
    own = std::max(own, ShardState::drain);
  }
  shard.state = std::max(known.word.state, own);
  shard.up = known.verdict.up && known.verdict.agent.state != health::AgentWord::State::down;
  shard.soft_down = shard.up && known.verdict.soft;
  shard.down_since = shard.up ? TimePoint{} : known.verdict.changed_at;
  shard.announced = known.announce.empty() ? known.verdict.last.announced.value_or("") : known.announce;
  shard.load = known.verdict.last.load.value_or(0);
  return shard;
}

std::vector<balance::Shard> Directory::shards() const {
  std::vector<balance::Shard> out;
  out.reserve(known_.size());
  for (const auto& [name, known] : known_) out.push_back(describe(known));
  return out;
}

std::vector<PeerShard> Directory::own_shards() const {
  std::vector<PeerShard> out;
  for (const auto& [name, known] : known_) {
    if (known.leaving || known.source == kFromPeers) continue;
    out.push_back({name, known.addresses, known.announce, known.kind});
  }
  return out;
}

std::vector<health::Target> Directory::targets() const {
  std::vector<health::Target> out;
  for (const auto& [name, known] : known_) {
    out.push_back({.name = name,
                   .addresses = known.addresses,
                   .check = known.kind.check,
                   .agent = known.agent,
                   .tls = {}});
  }
  for (const auto& [address, one] : nameless_) {
    out.push_back({.name = address, .addresses = {address}, .check = true, .agent = "", .tls = {}});
  }
  return out;
}

std::vector<ShardBlock> Directory::reachable() const {
  std::vector<ShardBlock> out;
  for (const auto& [name, known] : known_) {
    const std::string address = known.addresses.empty() ? std::string() : known.addresses.front();
    out.push_back({name, address, known.announce, known.agent, known.kind});
  }
  for (const auto& [address, one] : nameless_) out.push_back({address, address, "", "", one.kind});
  return out;
}

std::map<std::string, StateWord> Directory::words() const {
  std::map<std::string, StateWord> out = words_;
  for (const auto& [name, known] : known_) {
    if (known.word.version > 0 || known.word.local) out[name] = known.word;
  }
  return out;
}

void Directory::set_words(const std::map<std::string, StateWord>& words) {
  for (const auto& [name, word] : words) {
    if (const auto place = known_.find(name); place != known_.end()) {
      place->second.word = word;
    } else {
      words_[name] = word;
    }
  }
}

}  // namespace roomgate::router::directory
