// What the admin endpoint sees of the gate, and may do to it.
#include <openssl/crypto.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/process_metrics.hpp"
#include "base/version.hpp"
#include "router/admin/natural_order.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/words.hpp"

namespace roomgate::router::gate {
namespace {

constexpr std::size_t kLately = 10;  // seconds, of rates

std::uint64_t total_of(const metrics::Family<metrics::Counter>& family) {
  std::uint64_t sum = 0;
  for (const auto& [labels, counter] : family.series()) sum += counter->value();
  return sum;
}

// Why it is down or takes no rooms, for people.
std::string why_not(const directory::Known& known) {
  const health::AgentWord& agent = known.verdict.agent;
  if (!known.verdict.last.reason.empty()) return known.verdict.last.reason;
  if (agent.state == health::AgentWord::State::down) return "its agent says down";
  if (known.leaving) return "gone from " + known.source;
  if (agent.state == health::AgentWord::State::maint) return "its agent says maint";
  if (agent.state == health::AgentWord::State::drain || agent.percent == 0) return "its agent says drain";
  if (known.verdict.last.refuses_new_rooms) return "refuses new rooms itself";
  if (known.source == directory::kFromPeers) return "only other front doors know it";
  return {};
}

}  // namespace

std::string Gate::metrics_text(metrics::Format format) {
  metrics_.rooms.with({}).set(static_cast<double>(table_.size()));
  metrics_.rooms_provisional.with({}).set(static_cast<double>(table_.provisional()));
  metrics_.evicted.with({}).set(static_cast<double>(table_.evicted()));
  metrics_.addresses_crowded.with({}).set(static_cast<double>(gatekeeper_.crowded()));
  fill_peer_metrics();
  const auto full = rates_.refused.find("table_full");
  const bool was_full = full != rates_.refused.end() && full->second.growth(admin::RateWindow::kSeconds) > 0;
  metrics_.table_full.with({}).set(was_full ? 1 : 0);
  metrics_.panic.with({}).set(shards_->panic(options_.session.route.panic_share) ? 1 : 0);
  metrics_.draining.with({}).set(draining_ ? 1 : 0);
  metrics_.leaving.with({}).set(upgrade_->left() ? 1 : 0);
  metrics_.old_processes.with({}).set(static_cast<double>(upgrade_->old_processes()));
  if (const auto age = snapshot_.age(Clock::now())) {
    metrics_.snapshot_age.with({}).set(std::chrono::duration<double>(*age).count());
  }
  metrics_.shard_up.clear();
  metrics_.shard_soft_down.clear();
  for (const balance::Shard& shard : shards_->all()) {
    metrics_.shard_up.with({shard.name, shard.region}).set(shard.up ? 1 : 0);
    metrics_.shard_soft_down.with({shard.name}).set(shard.soft_down ? 1 : 0);
  }
  metrics_.shard_empty.clear();
  metrics_.shard_drain_rooms.clear();
  for (const balance::Shard& shard : shards_->all()) {
    const auto* drain = drains_.find(shard.name);
    if (drain == nullptr) continue;
    metrics_.shard_empty.with({shard.name}).set(drain->empty ? 1 : 0);
    metrics_.shard_drain_rooms.with({shard.name}).set(static_cast<double>(table_.rooms_on(shard.id)));
  }
  metrics_.queue_length.clear();
  metrics_.slots_used.clear();
  for (const balance::Shard& shard : shards_->all()) {
    if (shard.max_connections == 0) continue;
    const upstream::SlotAccount& slots = slots_.of(shard.id);
    metrics_.queue_length.with({shard.name}).set(slots.waiting());
    metrics_.slots_used.with({shard.name}).set(slots.used());
  }
  metrics_.build_info.with({kVersion, kCompiler, OpenSSL_version(OPENSSL_VERSION_STRING)}).set(1);
  return metrics_.registry.text(format, metrics::process_metrics(format));
}

void Gate::sample_rates() {
  rates_.requests.sample(total_of(metrics_.requests));
  rates_.connections.sample(total_of(metrics_.accepted));
  rates_.handshakes.sample(total_of(metrics_.handshakes));
  for (const auto& [labels, counter] : metrics_.rejected.series()) {
    const auto [window, is_new] = rates_.refused.try_emplace(labels.front());
    if (is_new) window->second.sample(0);  // it was none before it was there
    window->second.sample(counter->value());
  }
  sample_shard_rates();
}

void Gate::sample_shard_rates() {
  struct Totals {
    std::uint64_t requests = 0;
    std::uint64_t new_rooms = 0;
  };
  std::map<std::string, Totals> totals;
  for (const balance::Shard& shard : shards_->all()) totals[shard.name];
  std::uint64_t new_rooms = 0;
  for (const auto& [labels, counter] : metrics_.requests.series()) {
    if (const auto shard = totals.find(labels.front()); shard != totals.end())
      shard->second.requests += counter->value();
  }
  for (const auto& [labels, counter] : metrics_.assignments.series()) {
    if (labels.back() != "new") continue;
    new_rooms += counter->value();
    if (const auto shard = totals.find(labels.front()); shard != totals.end())
      shard->second.new_rooms += counter->value();
  }
  rates_.new_rooms.sample(new_rooms);
  std::erase_if(rates_.shards, [&totals](const auto& each) { return !totals.contains(each.first); });
  for (const auto& [name, total] : totals) {
    Rates::OfShard& rates = rates_.shards[name];
    rates.requests.sample(total.requests);
    rates.new_rooms.sample(total.new_rooms);
  }
}

admin::Overview Gate::overview() {
  admin::Overview overview;
  overview.requests_per_second = rates_.requests.per_second(kLately);
  overview.connections_per_second = rates_.connections.per_second(kLately);
  overview.handshakes_per_second = rates_.handshakes.per_second(kLately);
  overview.new_rooms_last_minute = rates_.new_rooms.growth(admin::RateWindow::kSeconds);
  for (const auto& [labels, gauge] : metrics_.tunnels.series())
    overview.tunnels += static_cast<std::size_t>(std::max(0.0, gauge->value()));
  for (const balance::Shard& shard : shards_->all()) {
    if (shard.max_connections > 0) overview.waiting += slots_.of(shard.id).waiting();
  }
  for (const auto& [labels, counter] : metrics_.rejected.series()) {
    if (counter->value() == 0) continue;
    const auto window = rates_.refused.find(labels.front());
    overview.refused.push_back({.reason = labels.front(),
                                .total = counter->value(),
                                .last_minute = window == rates_.refused.end()
                                                   ? 0
                                                   : window->second.growth(admin::RateWindow::kSeconds)});
  }
  for (const auto& [labels, gauge] : metrics_.certificate_expiry.series()) {
    overview.certificates.push_back({.file = labels.front(),
                                     .ends = std::chrono::system_clock::time_point(
                                         std::chrono::seconds(static_cast<std::int64_t>(gauge->value())))});
  }
  return overview;
}

admin::Status Gate::status() {
  admin::Status status;
  status.name = options_.name;
  status.region = options_.session.region;
  status.ready = !draining_ && (cluster_ == nullptr || cluster_->ready());
  if (!status.ready && !draining_) {
    // What was seen a moment ago may be over.
    const std::string& state = cluster_->seen().status.state;
    status.not_ready = state.empty() || state == "member" ? "learning" : state;
  }
  status.draining = draining_;
  status.threads = runtime_.size();
  status.connections = admission_.inside();
  status.rooms = table_.size();
  status.shards = shards_->all().size();
  for (const balance::Shard& shard : shards_->all()) status.shards_up += shard.up ? 1 : 0;
  status.uptime_seconds =
      static_cast<std::size_t>(std::chrono::duration_cast<seconds>(Clock::now() - started_).count());
  return status;
}

std::vector<admin::ShardRow> Gate::shards() {
  std::vector<admin::ShardRow> rows;
  for (const balance::Shard& shard : shards_->all()) {
    const directory::Known* known = directory_.find(shard.name);
    if (known == nullptr) continue;
    admin::ShardRow row;
    row.name = shard.name;
    row.address = shard.addresses.empty() ? "" : shard.addresses.front();
    row.addresses = shard.addresses;
    row.region = shard.region;
    row.release = shard.release;
    row.source = known->source;
    row.leaving = known->leaving;
    row.weight = shard.weight;
    row.share = shard.share;
    row.soft_rooms = shard.soft_rooms;
    row.max_rooms = shard.max_rooms;
    row.state = balance::to_text(known->word.state);
    row.local = known->word.local;
    row.up = shard.up;
    row.takes_rooms = balance::takes_new_rooms(shard);
    row.reason = why_not(*known);
    row.announced = shard.announced;
    row.load = shard.load;
    row.rooms = table_.rooms_on(shard.id);
    row.tunnels = static_cast<std::size_t>(metrics_.tunnels.with({shard.name}).value());
    if (const auto* drain = drains_.find(shard.name)) {
      row.drain = admin::ShardRow::Drain{
          .since = drain->since, .rooms_at_start = drain->rooms_at_start, .empty = drain->empty};
      if (drain->deadline) {
        row.drain->deadline =
            std::chrono::system_clock::now() +
            std::chrono::duration_cast<std::chrono::system_clock::duration>(*drain->deadline - Clock::now());
      }
    }
    if (const auto rates = rates_.shards.find(shard.name); rates != rates_.shards.end()) {
      row.requests_per_second = rates->second.requests.per_second(kLately);
      row.new_rooms_last_minute = rates->second.new_rooms.growth(admin::RateWindow::kSeconds);
    }
    rows.push_back(std::move(row));
  }
  std::sort(rows.begin(), rows.end(), [](const admin::ShardRow& a, const admin::ShardRow& b) {
    return admin::naturally_before(a.name, b.name);
  });
  return rows;
}

Result<void, admin::Subject::StateError> Gate::set_state(std::string_view shard, std::string_view state,
                                                         std::optional<Duration> deadline,
                                                         admin::Scope scope) {
  if (directory_.find(shard) == nullptr) return fail(StateError::no_such_shard);
  const auto wanted = balance::parse_shard_state(state);
  if (!wanted) return fail(StateError::no_such_state);
  // Said again, without one: there is none any more.
  constexpr Duration kLongest = std::chrono::hours(24 * 366);
  if (deadline) deadline = std::min(*deadline, kLongest);
  const bool local = cluster_ != nullptr && scope == admin::Scope::here;
  directory_.set_state(shard, *wanted, local);
  if (cluster_ != nullptr && !local) {
    StateSaid said{.state = *wanted, .deadline = std::nullopt};
    using Wall = std::chrono::system_clock;
    if (deadline) said.deadline = Wall::now() + std::chrono::duration_cast<Wall::duration>(*deadline);
    cluster_->say(state_word(shard), state_value(said));
  }
  if (deadline && *wanted == balance::ShardState::drain) {
    LOG(info, "shard_state", {"shard", shard}, {"state", state},
        {"deadline_seconds", std::chrono::duration_cast<seconds>(*deadline).count()});
  } else {
    LOG(info, "shard_state", {"shard", shard}, {"state", state});
  }
  publish_shards();
  begin_drains(shard, deadline ? std::optional(Clock::now() + *deadline) : std::nullopt);
  return {};
}

void Gate::begin_drains(std::string_view shard, std::optional<TimePoint> deadline) {
  watch_drains(Clock::now());
  drains_.set_deadline(shard, deadline);
}

std::vector<admin::DiscoveryRow> Gate::discovery() {
  const auto whole_seconds = [](Duration time) {
    return static_cast<std::size_t>(std::chrono::duration_cast<seconds>(time).count());
  };
  std::vector<admin::DiscoveryRow> rows;
  for (const discovery::Row& found : discoverer_->rows()) {
    admin::DiscoveryRow row;
    row.question = found.question;
    row.state = discovery::to_string(found.state);
    row.error = found.error;
    row.shards = found.shards;
    row.seconds_since_good = whole_seconds(found.since_good.value_or(Duration::zero()));
    row.seconds_to_next = whole_seconds(found.to_next);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace roomgate::router::gate
