#include "peers-sync/mesh/seeker.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/net/sleep.hpp"

namespace roomgate::peers_sync::mesh {

using net::Task;

namespace {

const Member* find(const std::vector<Member>& members, const std::string& name) {
  const auto found =
      std::find_if(members.begin(), members.end(), [&name](const Member& m) { return m.name == name; });
  return found == members.end() ? nullptr : &*found;
}

}  // namespace

std::vector<Member> members_of(const dns::SrvAnswer& answer, const HostAnswers& hosts,
                               const std::string& own_name, const std::vector<Member>& before,
                               std::size_t max_members) {
  std::map<std::string, Member> found;
  for (const dns::SrvRecord& record : answer.records) {
    const std::string name = record.target.substr(0, record.target.find('.'));
    if (name.empty() || name == own_name) continue;
    if (found.size() == max_members && !found.contains(name)) continue;
    Member& member = found[name];
    member.name = name;
    const auto host = hosts.find(record.target);
    if (host == hosts.end() || !host->second) continue;
    for (const Address& address : host->second->addresses) {
      const Address whole = address.with_port(record.port);
      const auto known = std::find(member.addresses.begin(), member.addresses.end(), whole);
      if (known == member.addresses.end()) member.addresses.push_back(whole);
    }
  }
  std::vector<Member> members;
  for (auto& [name, member] : found) {
    if (member.addresses.empty()) {
      const Member* known = find(before, name);
      if (known == nullptr) continue;
      member.addresses = known->addresses;
    }
    members.push_back(std::move(member));
  }
  return members;
}

// Shared with the coroutine, which may be waiting for a name server when the seeker goes.
struct Seeker::State {
  State(net::Core& on, Options wanted, OnFound tell)
      : core(on),
        options(std::move(wanted)),
        on_found(std::move(tell)),
        resolver(on, options.dns),
        news(on) {}
  net::Core& core;
  Options options;
  OnFound on_found;
  dns::Resolver resolver;
  net::Waiter news;  // of ask_now(), or of the end
  bool stopped = false;
  bool hurry = false;
  bool answered = false;
  std::string error;
  std::vector<Member> members;
};

Seeker::Seeker(net::Core& core, Options options, OnFound on_found)
    : state_(std::make_shared<State>(core, std::move(options), std::move(on_found))) {
  core.spawn(ask_again_and_again(state_));
}

Seeker::~Seeker() {
  state_->stopped = true;
  state_->news.wake({});
}

void Seeker::ask_now() {
  state_->hurry = true;
  state_->news.wake({});
}

bool Seeker::answered() const { return state_->answered; }

const std::string& Seeker::error() const { return state_->error; }

Task<void> Seeker::ask_again_and_again(std::shared_ptr<State> state) {
  const Options& options = state->options;
  while (!state->stopped) {
    const TimePoint asked = state->core.now();
    state->hurry = false;
    Duration again = options.limits.least;
    auto answer = co_await state->resolver.srv(options.srv);
    if (state->stopped) co_return;
    if (answer) {
      HostAnswers hosts;
      again = answer->ttl;
      for (const dns::SrvRecord& record : answer->records) {
        if (record.target.empty() || hosts.contains(record.target)) continue;
        if (hosts.size() == options.limits.members) break;
        auto host = co_await state->resolver.addresses(record.target);
        if (state->stopped) co_return;
        again = host ? std::min(again, host->ttl) : options.limits.least;
        hosts.emplace(record.target, std::move(host));
      }
      auto members = members_of(*answer, hosts, options.own_name, state->members, options.limits.members);
      if (!state->error.empty()) LOG(info, "peers_found", {"srv", options.srv}, {"members", members.size()});
      state->error.clear();
      const bool news = members != state->members || !state->answered;
      state->answered = true;
      state->members = std::move(members);
      if (news) state->on_found(state->members);
      if (state->stopped) co_return;
    } else {
      const std::string error(dns::to_string(answer.error()));
      if (error != state->error) {
        LOG(warn, "peers_not_found", {"srv", options.srv}, {"error", error}, {"kept", state->members.size()});
      }
      state->error = error;
    }
    again = std::clamp(again, options.limits.least, options.limits.most);
    // However many ask for a look, it is not more often than this.
    while (!state->stopped) {
      const TimePoint next = asked + (state->hurry ? options.limits.least : again);
      if (state->core.now() >= next) break;
      (void)co_await state->news.wait(next);
    }
  }
}

}  // namespace roomgate::peers_sync::mesh
