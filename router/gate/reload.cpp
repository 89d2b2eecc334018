// SIGHUP: the settings file anew, while everything goes on.

#include <ctime>

#include "base/log.hpp"
#include "router/gate/gate.hpp"

namespace roomgate::router::gate {
namespace {

// Keys whose new value only a restart takes up; an operator who changed one must be told.
std::vector<std::string> needs_restart(const Options& now, const Options& next) {
  std::vector<std::string> keys;
  const auto add = [&keys](bool differs, const char* key) {
    if (differs) keys.emplace_back(key);
  };
  add(now.name != next.name, "gate.name");
  add(now.admin.address != next.admin.address, "admin.address");
  add(now.admin.socket != next.admin.socket, "admin.socket");
  add(now.admin.probe_address != next.admin.probe_address, "admin.probe_address");
  add(now.access_log != next.access_log, "admin.access_log");
  add(now.table.idle != next.table.idle, "rooms.idle");
  add(now.limits.addresses != next.limits.addresses, "limits.addresses");
  add(now.table.max_entries != next.table.max_entries, "rooms.max_entries");
  return keys;
}

}  // namespace

void Gate::reload() {
  auto next = reload_();
  auto applied = next ? apply(std::move(next).value()) : Result<void, std::string>(fail(next.error()));
  metrics_.reloads.with({applied ? "ok" : "refused"}).add();
  if (applied) {
    LOG(info, "reloaded", {"gate", options_.name}, {"shards", options_.shards.size()});
  } else {
    LOG(error, "reload_refused", {"error", applied.error()}, {"settings", "the old ones stay"});
  }
}

void Gate::publish_settings() {
  const auto settings = std::make_shared<const session::Settings>(options_.session);
  runtime_.on_each([this, settings, chosen = policy_](net::Core& core) {
    workers_[core.index()]->set_settings(settings, chosen);
  });
}

Result<void, std::string> Gate::apply(Options next) {
  // What could fail comes first: settings change as a whole or not at all.
  std::shared_ptr<balance::Policy> policy = policy_;
  if (next.policy != options_.policy) policy = balance::make_policy(next.policy);
  if (policy == nullptr) return fail("balance.policy: no policy \"" + next.policy + "\"");
  bool same_doors = next.listen.size() == options_.listen.size();
  for (std::size_t d = 0; same_doors && d < next.listen.size(); ++d) {
    same_doors = next.listen[d].address == options_.listen[d].address &&
                 next.listen[d].tls.certificates.empty() == options_.listen[d].tls.certificates.empty();
  }
  if (!same_doors || next.threads != options_.threads) {
    LOG(warn, "restart_needed", {"for", same_doors ? "gate.threads" : "listen"});
    next.threads = options_.threads;
    if (!same_doors) next.listen = options_.listen;
  }
  for (const std::string& key : needs_restart(options_, next)) LOG(warn, "restart_needed", {"for", key});
  // Of shards that stay only because they have rooms, too.
  directory::Directory shards_then = directory_;
  shards_then.set_blocks(next.shards, next.discover, Clock::now());
  auto credentials = read_credentials(next.listen, shards_then.reachable(), credentials_, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(next.listen, *credentials);
  if (!entrances) return fail(entrances.error());
  if (all_bans(next.bans).size() > route::Bans::kMost) {
    return fail("bans: more than " + std::to_string(route::Bans::kMost) + ", with the operator's");
  }
  if (auto opened = log_.open(); !opened) return fail("admin.access_log: " + opened.error());

  adopt(std::move(credentials).value());
  policy_ = std::move(policy);
  options_ = std::move(next);
  admission_.set_limit(options_.max_connections);
  gatekeeper_.set_limits(options_.limits);
  admin_->set_token(options_.admin.token);
  adopt_geoip();
  publish_settings();
  publish_bans();
  set_entrances(std::move(entrances).value());
  directory_ = std::move(shards_then);
  publish_shards();
  checker_->set_targets(targets());
  checker_->set_options(options_.health);
  discoverer_->set_blocks(options_.discover, options_.dns);
  return {};
}

}  // namespace roomgate::router::gate
