#include "router/discovery/block.hpp"

#include <algorithm>
#include <tuple>

namespace roomgate::router::discovery {

using directory::Endpoint;
using directory::NameFrom;

namespace {

constexpr std::size_t kMaxNameBytes = 64;

// Names go into paths, metrics and commands: what conf allows in [[shards]], and what addresses need.
bool valid_name(std::string_view name, NameFrom from) {
  if (name.empty() || name.size() > kMaxNameBytes) return false;
  return std::all_of(name.begin(), name.end(), [from](char c) {
    const bool common = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                        c == '.' || c == '_' || c == '-';
    return common || (from == NameFrom::address && (c == ':' || c == '[' || c == ']'));
  });
}

bool before(const Endpoint& a, const Endpoint& b) {
  return std::tie(a.name, a.address, a.weight) < std::tie(b.name, b.address, b.weight);
}

const std::string& shown(const Endpoint& endpoint) {
  return endpoint.name.empty() ? endpoint.address : endpoint.name;
}

using ByName = std::map<std::string, std::vector<std::string>>;
ByName by_name(const std::vector<Endpoint>& endpoints) {
  ByName out;
  for (const Endpoint& endpoint : endpoints) out[shown(endpoint)].push_back(endpoint.address);
  return out;
}

void compare(const std::vector<Endpoint>& old_set, const std::vector<Endpoint>& new_set, News& news) {
  const ByName was = by_name(old_set);
  const ByName is = by_name(new_set);
  for (const auto& [name, addresses] : is) {
    const auto known = was.find(name);
    if (known == was.end()) {
      news.came.push_back(name);
    } else if (known->second != addresses) {
      news.moved.push_back(name);
    }
  }
  for (const auto& [name, addresses] : was) {
    if (!is.contains(name)) news.went.push_back(name);
  }
}

// What is not there yet, at most up to `limit` together.
void add_missing(std::vector<Address>& to, const std::vector<Address>& from, std::size_t limit) {
  for (const Address& address : from) {
    if (to.size() >= limit) return;
    if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(address);
  }
}

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::waiting: return "waiting";
    case State::ok: return "ok";
    case State::stale: return "stale";
  }
  return "unknown";
}

std::string_view to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::partial: return "partial";
    case Outcome::empty: return "empty";
    case Outcome::failed: return "failed";
  }
  return "unknown";
}

// The endpoints of one answer, as they come together.
struct Block::Gathering {
  const directory::DiscoverBlock& settings;
  std::vector<Endpoint> endpoints;
  std::size_t left_out = 0;
  std::string left_out_example;

  void add(std::string_view label, const Address& address, std::optional<std::uint32_t> weight) {
    Endpoint endpoint{"", address.to_string(), weight};
    if (settings.name_from != NameFrom::announced) {
      endpoint.name = settings.name_prefix;
      endpoint.name += settings.name_from == NameFrom::target ? label : std::string_view(endpoint.address);
      if (!valid_name(endpoint.name, settings.name_from)) return leave_out(endpoint.name);
    }
    endpoints.push_back(std::move(endpoint));
  }

  void leave_out(const std::string& what) {
    if (left_out++ == 0) left_out_example = what;
  }

  // In an order of their own: which ones are past the limit must not depend on the order of an answer.
  void sort(std::size_t limit) {
    std::sort(endpoints.begin(), endpoints.end(), before);
    endpoints.erase(std::unique(endpoints.begin(), endpoints.end()), endpoints.end());
    while (endpoints.size() > limit) {
      leave_out(shown(endpoints.back()));
      endpoints.pop_back();
    }
  }
};

Block::Block(directory::DiscoverBlock settings, Limits limits)
    : settings_(std::move(settings)), limits_(limits) {}

std::vector<dns::SrvRecord> Block::chosen(const dns::SrvAnswer& answer) {
  std::vector<dns::SrvRecord> out;
  for (const dns::SrvRecord& record : answer.records) {
    if (record.target.empty()) continue;
    if (!out.empty() && record.priority < out.front().priority) out.clear();
    if (out.empty() || record.priority == out.front().priority) out.push_back(record);
  }
  return out;
}

std::vector<std::string> Block::targets(const dns::SrvAnswer& answer) {
  std::vector<std::string> out;
  for (const dns::SrvRecord& record : chosen(answer)) out.push_back(record.target);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

News Block::answered(const dns::SrvAnswer& answer, const HostAnswers& hosts, TimePoint now) {
  const auto records = chosen(answer);
  // RFC 2782: weights of 0 everywhere mean that there is nothing to choose by. Among others 0 is what it is
  // in the settings: no new rooms.
  const bool weighted =
      settings_.srv_weight &&
      std::any_of(records.begin(), records.end(), [](const auto& record) { return record.weight > 0; });
  Gathering gathered{.settings = settings_};
  Duration ttl = answer.ttl;
  std::map<std::string, std::vector<Address>> known;
  std::size_t without = 0;
  std::string first_trouble;
  for (const std::string& host : targets(answer)) {
    const auto host_answer = hosts.find(host);
    const bool answered = host_answer != hosts.end() && host_answer->second.ok();
    std::vector<Address>& addresses = known[host];
    if (answered) {
      add_missing(addresses, host_answer->second.value().addresses, limits_.addresses_per_target);
      ttl = std::min(ttl, host_answer->second.value().ttl);
    }
    if (answered && host_answer->second.value().whole) continue;
    if (const auto before_now = last_known_.find(host); before_now != last_known_.end()) {
      add_missing(addresses, before_now->second, limits_.addresses_per_target);
    }
    ++without;
    if (!first_trouble.empty()) continue;
    const auto error =
        host_answer == hosts.end() || answered ? dns::DnsError::timed_out : host_answer->second.error();
    first_trouble = host + ": " + std::string(to_string(error));
  }
  for (const dns::SrvRecord& record : records) {
    const std::string_view label = std::string_view(record.target).substr(0, record.target.find('.'));
    const std::optional<std::uint32_t> weight =
        weighted ? std::optional<std::uint32_t>(record.weight) : std::nullopt;
    for (const Address& address : known[record.target])
      gathered.add(label, address.with_port(record.port), weight);
  }
  gathered.sort(limits_.endpoints);
  if (records.empty()) return keep(Outcome::empty, "the answer says that there is no such service");
  std::string trouble;
  if (without > 0) {
    trouble = "addresses of " + std::to_string(without) + " of " + std::to_string(known.size()) +
              " targets: " + first_trouble;
  }
  if (gathered.endpoints.empty()) {
    return without > 0 ? keep(Outcome::failed, std::move(trouble))
                       : keep(Outcome::empty, "no valid name: \"" + gathered.left_out_example + "\"");
  }
  std::erase_if(known, [](const auto& entry) { return entry.second.empty(); });
  last_known_ = std::move(known);
  return adopt(std::move(gathered), ttl, std::move(trouble), now);
}

News Block::answered(const dns::HostAnswer& answer, TimePoint now) {
  Gathering gathered{.settings = settings_};
  std::vector<Address> addresses = answer.addresses;
  std::string trouble;
  if (!answer.whole) {
    trouble = "only one of A and AAAA was answered";
    add_missing(addresses, last_known_[settings_.host], limits_.endpoints);
  }
  for (const Address& address : addresses) gathered.add("", address.with_port(settings_.port), std::nullopt);
  gathered.sort(limits_.endpoints);
  if (gathered.endpoints.empty()) {
    return keep(Outcome::empty, "no valid name: \"" + gathered.left_out_example + "\"");
  }
  last_known_[settings_.host] = std::move(addresses);
  return adopt(std::move(gathered), answer.ttl, std::move(trouble), now);
}

News Block::failed(dns::DnsError error) {
  return keep(dns::means_none(error) ? Outcome::empty : Outcome::failed, std::string(to_string(error)));
}

News Block::adopt(Gathering gathered, Duration ttl, std::string trouble, TimePoint now) {
  News news{.outcome = trouble.empty() ? Outcome::ok : Outcome::partial,
            .left_out = gathered.left_out,
            .left_out_example = std::move(gathered.left_out_example)};
  const State next = trouble.empty() ? State::ok : State::stale;
  news.turned = next != state_;
  news.changed = gathered.endpoints != endpoints_;
  if (news.changed) compare(endpoints_, gathered.endpoints, news);
  endpoints_ = std::move(gathered.endpoints);
  state_ = next;
  error_ = std::move(trouble);
  if (state_ == State::ok) last_good_ = now;
  next_ = state_ == State::ok
              ? std::clamp<Duration>(ttl, limits_.least, std::max(limits_.least, settings_.refresh))
              : std::min<Duration>(settings_.refresh, limits_.after_trouble);
  return news;
}

News Block::keep(Outcome outcome, std::string why) {
  News news{.outcome = outcome};
  const bool first_failure = error_.empty();
  if (state_ == State::ok) state_ = State::stale;
  news.turned = first_failure;
  error_ = std::move(why);
  next_ = std::min<Duration>(settings_.refresh, limits_.after_trouble);
  return news;
}

Duration Block::ask_again_in(double jitter) const {
  const auto earlier =
      std::chrono::duration_cast<Duration>(std::chrono::duration<double>(next_) * (jitter / 10));
  return std::max<Duration>(next_ - earlier, limits_.least);
}

std::size_t Block::shard_count() const { return by_name(endpoints_).size(); }

}  // namespace roomgate::router::discovery
