#include "router/discovery/discoverer.hpp"

#include <algorithm>

#include "base/log.hpp"
#include "base/random.hpp"

namespace roomgate::router::discovery {

using directory::DiscoverBlock;
using net::Task;

namespace {

constexpr std::size_t kHostsAtOnce = 16;
constexpr Duration kHostsTime =
    seconds(30);  // for all targets of one answer; what has not begun then has failed
constexpr std::size_t kNamesInLog = 10;

// The targets of one answer on their way to addresses.
struct Round {
  Round(net::Core& core, std::vector<std::string> of) : hosts(std::move(of)), done(core) {}
  std::vector<std::string> hosts;
  std::size_t next = 0;
  std::size_t workers = 0;
  HostAnswers answers;
  TimePoint deadline = Clock::now() + kHostsTime;
  net::Event done;
};

Task<void> resolve_some(std::shared_ptr<Round> round, std::shared_ptr<dns::Resolver> resolver) {
  while (round->next < round->hosts.size() && Clock::now() < round->deadline) {
    const std::string host = round->hosts[round->next++];
    auto answer = co_await resolver->addresses(host);
    round->answers.insert_or_assign(host, std::move(answer));
  }
  if (--round->workers == 0) round->done.set();
}

Task<HostAnswers> resolve(net::Core& core, std::shared_ptr<dns::Resolver> resolver,
                          std::vector<std::string> hosts) {
  const auto round = std::make_shared<Round>(core, std::move(hosts));
  if (round->hosts.empty()) co_return HostAnswers{};
  const std::size_t workers = std::min(kHostsAtOnce, round->hosts.size());
  round->workers = workers;
  for (std::size_t i = 0; i < workers; ++i) core.spawn(resolve_some(round, resolver));
  (void)co_await round->done.wait(round->deadline + resolver->deadline());
  co_return std::move(round->answers);
}

// What an answer means stays the same: what a shard is beside its name and address does not matter here.
bool same_question(const DiscoverBlock& a, const DiscoverBlock& b) {
  return a.srv == b.srv && a.host == b.host && a.port == b.port && a.name_from == b.name_from &&
         a.name_prefix == b.name_prefix && a.refresh == b.refresh && a.srv_weight == b.srv_weight;
}

std::string some_of(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < names.size() && i < kNamesInLog; ++i) text += (i == 0 ? "" : ",") + names[i];
  if (names.size() > kNamesInLog) text += ",+" + std::to_string(names.size() - kNamesInLog);
  return text;
}

}  // namespace

struct Discoverer::Asker {
  Asker(net::Core& core, const DiscoverBlock& settings, Limits limits)
      : block(settings, limits), stopped(core) {}
  Block block;
  TimePoint next_at{};
  std::size_t left_out = 0;
  bool answered = false;  // or told that there is nothing
  net::Event stopped;
};

Discoverer::Discoverer(net::Core& core, Metrics& metrics, OnFound on_found, Limits limits)
    : core_(core), metrics_(metrics), on_found_(std::move(on_found)), limits_(limits), all_answered_(core) {}

Discoverer::~Discoverer() {
  for (auto& [question, asker] : askers_) asker->stopped.set();
}

void Discoverer::set_blocks(const std::vector<DiscoverBlock>& blocks, const dns::Options& options) {
  std::map<std::string, std::shared_ptr<Asker>> next;
  std::vector<std::shared_ptr<Asker>> begin;
  for (const DiscoverBlock& block : blocks) {
    const std::string question = block.question();
    const auto known = askers_.find(question);
    if (known != askers_.end() && same_question(known->second->block.settings(), block)) {
      next[question] = std::move(known->second);
      askers_.erase(known);
    } else {
      begin.push_back(next[question] = std::make_shared<Asker>(core_, block, limits_));
    }
  }
  for (auto& [question, asker] : askers_) asker->stopped.set();
  askers_ = std::move(next);
  // Series of questions that are not asked any more must go.
  for (auto* family : {&metrics_.discovery_shards, &metrics_.discovery_stale, &metrics_.discovery_left_out}) {
    family->clear();
  }
  resolver_ = blocks.empty() ? nullptr : std::make_shared<dns::Resolver>(core_, options);
  for (const auto& [question, asker] : askers_) show(*asker);
  for (const auto& asker : begin) core_.spawn(watch(asker));
  tell_if_all_answered();
}

void Discoverer::tell_if_all_answered() {
  const bool all =
      std::all_of(askers_.begin(), askers_.end(), [](const auto& entry) { return entry.second->answered; });
  if (all) all_answered_.set();
}

std::vector<Row> Discoverer::rows() const {
  const auto now = Clock::now();
  std::vector<Row> out;
  for (const auto& [question, asker] : askers_) {
    const Block& block = asker->block;
    Row row{
        .question = question, .state = block.state(), .error = block.error(), .shards = block.shard_count()};
    if (block.last_good() != TimePoint{}) row.since_good = now - block.last_good();
    row.to_next = std::max(asker->next_at - now, Duration::zero());
    out.push_back(std::move(row));
  }
  return out;
}

Task<void> Discoverer::watch(std::shared_ptr<Asker> asker) {
  Block& block = asker->block;
  // Whoever was stopped while it waited does not know whether there still is a discoverer.
  while (!asker->stopped.is_set()) {
    const std::shared_ptr<dns::Resolver> resolver = resolver_;
    News news;
    if (block.settings().srv.empty()) {
      auto answer = co_await resolver->addresses(block.settings().host);
      if (asker->stopped.is_set()) co_return;
      news = answer ? block.answered(*answer, Clock::now()) : block.failed(answer.error());
    } else {
      auto answer = co_await resolver->srv(block.settings().srv);
      if (asker->stopped.is_set()) co_return;
      if (answer) {
        auto hosts = co_await resolve(core_, resolver, Block::targets(*answer));
        if (asker->stopped.is_set()) co_return;
        news = block.answered(*answer, hosts, Clock::now());
      } else {
        news = block.failed(answer.error());
      }
    }
    conclude(*asker, news);
    if (asker->stopped.is_set()) co_return;
    asker->next_at = Clock::now() + block.ask_again_in(random_u32() / 4294967296.0);
    (void)co_await asker->stopped.wait(asker->next_at);
  }
}

void Discoverer::conclude(Asker& asker, const News& news) {
  const Block& block = asker.block;
  const std::string question = block.settings().question();
  metrics_.discovery_answers.with({question, to_string(news.outcome)}).add();
  if (news.changed) {
    LOG(info, "discovered", {"question", question}, {"shards", block.shard_count()},
        {"came", some_of(news.came)}, {"went", some_of(news.went)}, {"moved", some_of(news.moved)});
  }
  if (news.turned && block.state() == State::ok) {
    LOG(info, "discovery_ok", {"question", question}, {"shards", block.shard_count()});
  } else if (news.turned) {
    LOG(warn, "discovery_failed", {"question", question}, {"result", to_string(news.outcome)},
        {"error", block.error()}, {"kept", block.shard_count()});
  }
  const bool good = news.outcome == Outcome::ok || news.outcome == Outcome::partial;
  if (good && asker.left_out != news.left_out) {
    asker.left_out = news.left_out;
    if (news.left_out > 0) {
      LOG(warn, "discovery_left_out", {"question", question}, {"endpoints", news.left_out},
          {"first", news.left_out_example}, {"why", "too many, or no valid shard name"});
    }
  }
  show(asker);
  if (news.changed) on_found_(question, block.endpoints());
  if (news.outcome != Outcome::failed) asker.answered = true;
  tell_if_all_answered();
}

void Discoverer::show(const Asker& asker) {
  const std::string question = asker.block.settings().question();
  metrics_.discovery_shards.with({question}).set(static_cast<double>(asker.block.shard_count()));
  // Before the first answer there is nothing to be alarmed about.
  metrics_.discovery_stale.with({question}).set(asker.block.error().empty() ? 0 : 1);
  metrics_.discovery_left_out.with({question}).set(static_cast<double>(asker.left_out));
}

}  // namespace roomgate::router::discovery
