// SIGHUP: the settings file anew, while everything goes on.

#include <ctime>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/notify.hpp"

namespace roomgate::router::gate {
namespace {

// Keys that size what is made once; an operator who changed one must be told.
std::vector<std::string> needs_upgrade(const Options& now, const Options& next) {
  std::vector<std::string> keys;
  const auto add = [&keys](bool differs, const char* key) {
    if (differs) keys.emplace_back(key);
  };
  add(now.name != next.name, "gate.name");
  add(now.threads != next.threads, "gate.threads");
  add(now.limits.addresses != next.limits.addresses, "limits.addresses");
  add(now.table.max_entries != next.table.max_entries, "rooms.max_entries");
  add(now.peers.mode != next.peers.mode, "peers.mode");
  if (!now.peers.on()) return keys;
  if (now.peers.mode == "redis") add(now.peers.redis != next.peers.redis, "peers.redis, rooms.idle and such");
  // What front doors have begun to go by together.
  const auto& mesh = now.peers.mesh;
  const auto& then = next.peers.mesh;
  add(mesh.lease != then.lease, "peers.lease");
  add(mesh.claim_timeout != then.claim_timeout, "peers.claim_timeout");
  add(mesh.idle != then.idle, "rooms.idle");
  add(mesh.reconnect_grace != then.reconnect_grace, "rooms.reconnect_grace");
  return keys;
}

void keep_agreed(const Peers& now, Peers& next) {
  if (next.mode != now.mode) {
    next = now;
    return;
  }
  next.redis = now.redis;
  next.mesh.name = now.mesh.name;
  next.mesh.lease = now.mesh.lease;
  next.mesh.claim_timeout = now.mesh.claim_timeout;
  next.mesh.idle = now.mesh.idle;
  next.mesh.reconnect_grace = now.mesh.reconnect_grace;
  next.mesh.max_entries = now.mesh.max_entries;
}

}  // namespace

void Gate::reload() {
  if (upgrade_->left() || upgrade_->under_way() || inherited_ != nullptr) {
    LOG(warn, "reload_refused",
        {"error", upgrade_->left() ? "another process has taken over: it has the settings"
                                   : "one process is taking over from another in this moment"});
    return;
  }
  notify_reloading();
  auto next = reload_();
  auto applied = next ? apply(std::move(next).value()) : Result<void, std::string>(fail(next.error()));
  notify_supervisor("READY=1");
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
  // What could fail comes first: settings change as a whole or not at all. What is opened here and not used
  // after all closes by itself.
  std::shared_ptr<balance::Policy> policy = policy_;
  if (next.policy != options_.policy) policy = balance::make_policy(next.policy);
  if (policy == nullptr) return fail("balance.policy: no policy \"" + next.policy + "\"");
  // Of shards that stay only because they have rooms, too.
  directory::Directory shards_then = directory_;
  shards_then.set_blocks(next.shards, next.discover, Clock::now());
  auto credentials = read_credentials(next.listen, shards_then.reachable(), credentials_, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto log = session::AccessWriter::prepare(next.access_log);
  if (!log) return fail("admin.access_log: " + log.error());
  auto plan = doors_.plan(next.listen, nullptr);
  if (!plan) return fail("listen: " + plan.error());
  auto entrances = make_entrances(plan->doors(), *credentials);
  if (!entrances) return fail(entrances.error());
  if (all_bans(next.bans).size() > route::Bans::kMost) {
    return fail("bans: more than " + std::to_string(route::Bans::kMost) + ", with the operator's");
  }
  if (auto peers = check_peers(next); !peers) return peers;
  auto admin = admin_->prepare(next.admin);
  if (!admin) return fail("admin: " + admin.error());
  auto upgrade_socket = upgrade_->prepare_socket(next.upgrade_socket);
  if (!upgrade_socket) return fail("upgrade.socket: " + upgrade_socket.error());
  if (auto listening = plan->listen(); !listening) return fail("listen: " + listening.error());

  for (const std::string& key : needs_upgrade(options_, next)) {
    LOG(warn, "upgrade_needed", {"for", key}, {"how", "SIGUSR2, or roomgate serve --takeover"});
  }
  adopt(std::move(credentials).value());
  policy_ = std::move(policy);
  // Said again at every reload until it is so.
  next.name = options_.name;
  next.threads = options_.threads;
  next.limits.addresses = options_.limits.addresses;
  next.table.max_entries = options_.table.max_entries;
  next.table.managed = options_.table.managed;
  keep_agreed(options_.peers, next.peers);
  options_ = std::move(next);
  log_.use(std::move(log).value());
  admission_.set_limit(options_.max_connections);
  gatekeeper_.set_limits(options_.limits);
  table_.set_idle(options_.table.idle);
  admin_->commit(std::move(admin).value());
  upgrade_->use_socket(std::move(upgrade_socket).value(), options_.upgrade_socket);
  adopt_geoip();
  publish_settings();
  reload_peers();
  publish_bans();
  send_banned_away();
  doors_.commit(std::move(plan).value(), std::move(entrances).value());
  directory_ = std::move(shards_then);
  publish_shards();
  checker_->set_targets(targets());
  checker_->set_options(options_.health);
  census_->set_targets(census_targets());
  census_->set_options(options_.census);
  discoverer_->set_blocks(options_.discover, options_.dns);
  snapshot_.write_to(options_.snapshot, options_.snapshot_interval);
  return {};
}

}  // namespace roomgate::router::gate
