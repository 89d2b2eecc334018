#include "router/health/checker.hpp"

#include <algorithm>
#include <utility>

#include "base/log.hpp"
#include "base/net/waiter.hpp"
#include "base/random.hpp"

namespace roomgate::router::health {

using balance::Health;
using balance::Outcome;
using net::Task;

namespace {

// A tenth more or less, so that many gates do not ask in step.
Duration jittered(Duration interval) {
  const auto jitter = interval.count() / 5 * static_cast<Duration::rep>(random_u32() % 1000) / 1000;
  return interval - interval / 10 + Duration(jitter);
}

// For a log line: an agent may say anything.
std::string printable(std::string_view text) {
  constexpr std::size_t kEnough = 200;
  std::string out(text.substr(0, kEnough));
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return out;
}

}  // namespace

struct Checker::Probe {
  Probe(net::Core& core, balance::HealthSettings settings)
      : state(settings), check_nap(core), agent_nap(core) {}

  void stop() {
    stopped = true;
    wake();
  }
  void wake() {
    check_due = agent_due = true;
    check_nap.wake({});
    agent_nap.wake({});
  }

  Target target;
  bool checked = false;
  balance::HealthState state;
  agent::Memory agent;
  bool agent_failed = false;
  Answer last{.ok = true};
  TimePoint failed_at{};  // the last failure that was counted
  bool up = true;         // by both
  TimePoint changed_at{};
  bool told = false;  // whoever asks still believes what an earlier probe of this shard said

  bool stopped = false;
  // Between two questions; something new ends it, or has made the next one due while the last was under way.
  net::Waiter check_nap;
  net::Waiter agent_nap;
  bool check_due = false;
  bool agent_due = false;
};

Checker::Checker(net::Core& core, Options options, Metrics& metrics, OnChange on_change)
    : core_(core),
      options_(std::make_shared<const Options>(std::move(options))),
      metrics_(metrics),
      on_change_(std::move(on_change)) {}

Checker::~Checker() {
  for (auto& [name, probe] : probes_) probe->stop();
}

void Checker::set_targets(const std::vector<Target>& targets) {
  Probes next;
  std::vector<std::shared_ptr<Probe>> fresh;
  std::vector<std::shared_ptr<Probe>> changed;
  for (const Target& target : targets) {
    std::shared_ptr<Probe>& place = next[target.name];
    if (const auto known = probes_.find(target.name); known != probes_.end()) {
      place = std::move(known->second);
      probes_.erase(known);
      if (place->target != target && adopt(*place, target)) changed.push_back(place);
    } else if (place == nullptr) {
      place = std::make_shared<Probe>(core_, options_->settings);
      (void)adopt(*place, target);
      fresh.push_back(place);
    }
  }
  for (auto& [name, probe] : probes_) probe->stop();
  probes_ = std::move(next);
  // Last: whoever is told may come back with other targets.
  for (const auto& probe : fresh) {
    core_.spawn(watch(probe));
    core_.spawn(listen(probe));
  }
  for (const auto& probe : changed) tell(*probe);
}

void Checker::set_options(Options options) {
  if (options == *options_) return;
  options_ = std::make_shared<const Options>(std::move(options));
  std::vector<std::shared_ptr<Probe>> changed;
  for (auto& [name, probe] : probes_) {
    if (adopt(*probe, Target(probe->target))) changed.push_back(probe);
  }
  for (const auto& probe : changed) tell(*probe);
}

bool Checker::adopt(Probe& probe, const Target& target) {
  bool changed = false;
  probe.state.set(options_->settings);
  const bool checked = options_->enabled && target.check;
  if (probe.checked && !checked) {
    probe.state = balance::HealthState(options_->settings);
    probe.last.ok = true;
    probe.last.soft = false;
    probe.last.reason.clear();
    changed = true;
  }
  if (!probe.target.agent.empty() && target.agent.empty()) {
    probe.agent = agent::Memory();
    changed = true;
  }
  probe.checked = checked;
  probe.target = target;
  probe.wake();
  return changed;
}

// --- checks

Task<void> Checker::watch(std::shared_ptr<Probe> probe) {
  while (!probe->stopped) {
    probe->check_due = false;
    TimePoint next = TimePoint::max();
    if (probe->checked) {
      auto answer = co_await ask(core_, options_, probe->target.addresses, probe->target.tls);
      if (probe->stopped) co_return;
      if (!probe->checked) continue;
      conclude(*probe, std::move(answer));
      if (probe->stopped) co_return;
      next = Clock::now() + jittered(probe->state.next_interval());
    }
    if (!probe->check_due) (void)co_await probe->check_nap.wait(next);
  }
}

void Checker::conclude(Probe& probe, Answer answer) {
  metrics_.health_checks.with({probe.target.name, answer.ok ? "ok" : "failed"}).add();
  if (!answer.ok) {
    // What it said when it last could still holds.
    answer.announced = probe.last.announced;
    answer.load = probe.last.load;
    answer.rooms = probe.last.rooms;
    answer.participants = probe.last.participants;
    answer.refuses_new_rooms = probe.last.refuses_new_rooms;
  }
  const bool turned = observe(probe, answer.outcome(), answer.reason);
  const bool news = turned || answer != probe.last || !probe.told;
  probe.last = std::move(answer);
  if (news) tell(probe);
}

bool Checker::observe(Probe& probe, Outcome outcome, std::string_view reason) {
  const auto now = Clock::now();
  if (outcome != Outcome::good) probe.failed_at = now;
  const Health before = probe.state.state();
  if (!probe.state.observe(outcome, now)) return false;
  switch (probe.state.state()) {
    case Health::up:
      LOG(info, "shard_up", {"shard", probe.target.name}, {"was", balance::to_text(before)});
      break;
    case Health::soft: LOG(warn, "shard_soft_down", {"shard", probe.target.name}, {"reason", reason}); break;
    case Health::down: LOG(warn, "shard_down", {"shard", probe.target.name}, {"reason", reason}); break;
  }
  return true;
}

void Checker::connect_failed(const std::string& shard, bool silent) {
  const auto known = probes_.find(shard);
  if (known == probes_.end()) return;
  const std::shared_ptr<Probe> probe = known->second;
  // A shard that is down comes up by checks alone: a straggler from before must not delay that.
  if (!options_->observe || !probe->checked || !probe->state.up()) return;
  // Two hundred requests in the same instant are one observation: one lost packet or one moment of a full
  // queue fails them all. So failures count where their distance is that of checks, whoever saw them; and a
  // check is made at once, which confirms this one or takes it back.
  if (Clock::now() - probe->failed_at < options_->settings.interval_fast) return;
  metrics_.health_checks.with({shard, "observed"}).add();
  const bool turned = observe(*probe, silent ? Outcome::soft : Outcome::failed,
                              silent ? "clients' connections time out" : "clients' connections fail");
  probe->check_due = true;
  probe->check_nap.wake({});
  if (turned) tell(*probe);
}

// --- agents

Task<void> Checker::listen(std::shared_ptr<Probe> probe) {
  while (!probe->stopped) {
    probe->agent_due = false;
    TimePoint next = TimePoint::max();
    if (const std::string agent = probe->target.agent; !agent.empty()) {
      const auto line = co_await ask_agent(core_, agent, options_->timeout);
      if (probe->stopped) co_return;
      if (agent != probe->target.agent) continue;
      hear(*probe, line);
      if (probe->stopped) co_return;
      next = Clock::now() + jittered(options_->agent_interval);
    }
    if (!probe->agent_due) (void)co_await probe->agent_nap.wait(next);
  }
}

void Checker::hear(Probe& probe, const Result<std::string, std::string>& line) {
  const std::string& shard = probe.target.name;
  const agent::Answer answer = line ? agent::read_line(*line) : agent::Answer();
  metrics_.agent_checks.with({shard, !line ? "failed" : answer.says_something() ? "ok" : "ignored"}).add();
  // Its silence says nothing about the shard, so its last word stays; checks find out whether the shard is
  // there.
  if (!line) {
    if (!std::exchange(probe.agent_failed, true)) {
      LOG(warn, "agent_failed", {"shard", shard}, {"agent", probe.target.agent}, {"reason", line.error()});
    }
    return;
  }
  probe.agent_failed = false;
  if (!probe.agent.hear(answer)) return;
  const AgentWord& word = probe.agent.word();
  LOG(info, "agent_says", {"shard", shard}, {"state", to_text(word.state)}, {"percent", word.percent},
      {"line", printable(*line)});
  tell(probe);
}

// --- both

void Checker::tell(Probe& probe) {
  const AgentWord& word = probe.agent.word();
  const bool up = probe.state.up() && word.state != AgentWord::State::down;
  if (up != probe.up) {
    probe.up = up;
    probe.changed_at = Clock::now();
  }
  probe.told = true;
  on_change_(probe.target.name, {.up = up,
                                 .soft = up && probe.state.state() == Health::soft,
                                 .changed_at = probe.changed_at,
                                 .last = probe.last,
                                 .agent = word});
}

}  // namespace roomgate::router::health
