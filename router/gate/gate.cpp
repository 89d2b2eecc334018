#include "router/gate/gate.hpp"

#include <csignal>
#include <cstdlib>
#include <ctime>

#include "base/log.hpp"
#include "router/session/arrival.hpp"

namespace roomgate::router::gate {
namespace {

constexpr Duration kLastWords = seconds(2);  // for tunnels that were told to end

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

Gate::Gate(Options options, Reload reload)
    : options_(std::move(options)),
      reload_(std::move(reload)),
      table_(options_.table),
      admission_(options_.max_connections),
      slots_(options_.threads > 0 ? options_.threads : net::available_cpus()),
      gatekeeper_(options_.limits),
      log_(options_.access_log, metrics_.log_dropped.with({})),
      shards_(std::make_shared<balance::ShardSet>()),
      tickets_(std::make_shared<const tls::TicketKeys>(tls::TicketKeys::random())),
      runtime_({.threads = options_.threads}),
      second_([this] { every_second(); }),
      stop_accepting_([this] { stop_accepting(); }),
      watch_guests_([this] { wait_for_guests(); }),
      started_(Clock::now()),
      tickets_rotated_(started_) {}

Gate::~Gate() = default;

Result<std::unique_ptr<Gate>, std::string> Gate::make(Options options, Reload reload) {
  std::unique_ptr<Gate> gate(new Gate(std::move(options), std::move(reload)));
  gate->policy_ = balance::make_policy(gate->options_.policy);
  if (gate->policy_ == nullptr) return fail("balance.policy: no policy \"" + gate->options_.policy + "\"");
  if (auto opened = gate->log_.open(); !opened) return fail("admin.access_log: " + opened.error());
  if (auto opened = gate->open_doors(); !opened) return fail(opened.error());
  if (auto started = gate->start_workers(); !started) return fail(started.error());
  gate->admin_ = std::make_unique<admin::Server>(gate->runtime_.control(), *gate, gate->options_.admin);
  if (auto started = gate->admin_->start(); !started) return fail(started.error());
  return gate;
}

Result<void, std::string> Gate::open_doors() {
  for (const ListenBlock& block : options_.listen) {
    Door door{block, {}, 0};
    Address address = *Address::parse(block.address);
    for (std::size_t core = 0; core < runtime_.size(); ++core) {
      const auto descriptor = net::open_listener(address, true);
      if (!descriptor) return fail(descriptor.error());
      door.descriptors.push_back(*descriptor);
      // Port 0: the first socket got one from the system, the others share it.
      address = net::bound_address(*descriptor).value_or(address);
    }
    door.port = address.port();
    LOG(info, "listening", {"address", address.to_string()},
        {"for", block.tls.certificates.empty() ? "http" : "https"});
    doors_.push_back(std::move(door));
  }
  return {};
}

Result<std::shared_ptr<const listen::Entrance>, std::string> Gate::make_entrance(
    const ListenBlock& block, const Credentials::Door& credentials) const {
  auto entrance = std::make_shared<listen::Entrance>();
  entrance->proxy_protocol_from = block.proxy_protocol_from;
  entrance->trust_forwarded_from = block.trust_forwarded_from;
  entrance->redirect_to_https = block.redirect_to_https;
  entrance->http2_cleartext = block.http2_cleartext;
  for (const Door& door : doors_) {
    if (!door.block.tls.certificates.empty()) {
      entrance->https_port = door.port;
      break;
    }
  }
  if (credentials.certificates != nullptr) {
    auto made = tls::Contexts::make(credentials.certificates,
                                    credentials.ticket_keys != nullptr ? credentials.ticket_keys : tickets_);
    if (!made) return fail("tls.certificates: " + made.error());
    entrance->contexts = std::move(made).value();
  }
  return std::shared_ptr<const listen::Entrance>(std::move(entrance));
}

Result<Gate::Entrances, std::string> Gate::make_entrances(const std::vector<ListenBlock>& blocks,
                                                          const Credentials& credentials) const {
  Entrances entrances(runtime_.size());
  for (auto& of_core : entrances) {
    for (std::size_t d = 0; d < doors_.size(); ++d) {
      auto entrance = make_entrance(blocks[d], credentials.doors[d]);
      if (!entrance) return fail(entrance.error());
      of_core.push_back(std::move(entrance).value());
    }
  }
  return entrances;
}

void Gate::adopt(Credentials credentials) {
  for (const auto& warning : credentials.warnings) LOG(warn, "tls_file", {"about", warning});
  metrics_.certificate_expiry.clear();
  metrics_.ocsp_expiry.clear();
  for (const auto& door : credentials.doors) {
    if (door.certificates == nullptr) continue;
    for (const auto& group : door.certificates->groups()) {
      for (const auto& identity : group.identities) {
        metrics_.certificate_expiry.with({identity.file}).set(static_cast<double>(identity.not_after));
        if (identity.staple) {
          metrics_.ocsp_expiry.with({identity.file}).set(static_cast<double>(identity.staple->until));
        }
      }
    }
  }
  files_.taken(credentials.fingerprint);
  credentials_ = std::move(credentials);
}

Result<void, std::string> Gate::start_workers() {
  auto credentials = read_credentials(options_.listen, options_.shards, {}, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(options_.listen, *credentials);
  if (!entrances) return fail(entrances.error());
  adopt(std::move(credentials).value());
  const auto settings = std::make_shared<const session::Settings>(options_.session);
  for (std::size_t i = 0; i < runtime_.size(); ++i) {
    net::Core& core = runtime_.core(i);
    workers_.push_back(std::make_unique<session::Worker>(
        core, session::Shared{table_, metrics_, log_, admission_, gatekeeper_, slots_}, settings, policy_));
    session::Worker& worker = *workers_.back();
    // What goes from core to core: a place at a shard, and the wish that an idle connection closes.
    worker.slots.set_others({.pass_slot =
                                 [this](std::size_t core_index, stick::ShardId shard) {
                                   runtime_.core(core_index).post([to = workers_[core_index].get(), shard] {
                                     to->slots.receive(shard);
                                   });
                                 },
                             .close_idle =
                                 [this](std::size_t core_index, stick::ShardId shard) {
                                   runtime_.core(core_index).post([to = workers_[core_index].get(), shard] {
                                     (void)to->pool.close_oldest(shard);
                                   });
                                 }});
    listeners_.emplace_back();
    for (std::size_t d = 0; d < doors_.size(); ++d) {
      listeners_.back().push_back(std::make_unique<listen::Listener>(
          core, doors_[d].descriptors[i], std::move((*entrances)[i][d]), admission_, gatekeeper_, metrics_,
          [&worker](listen::Newcomer newcomer) { session::receive(worker, std::move(newcomer)); }));
    }
  }
  return {};
}

void Gate::run() {
  net::Core& control = runtime_.control();
  checker_ = std::make_unique<health::Checker>(
      control, options_.health, metrics_,
      [this](const std::string& shard, const health::Verdict& verdict) { on_verdict(shard, verdict); });
  publish_shards();
  checker_->set_targets(targets());
  control.schedule(second_, Clock::now() + seconds(1));
  runtime_.on_signal([this](int signal) { on_signal(signal); });
  runtime_.on_each(
      [this](net::Core& core) {
        for (auto& listener : listeners_[core.index()]) listener->start();
      },
      [this] {
        LOG(info, "serving", {"gate", options_.name}, {"threads", runtime_.size()});
      });
  runtime_.run();
  log_.flush();
  if (admission_.inside() == 0) return;
  // Connections that would not end in time: their coroutines point into what is about to go.
  std::_Exit(EXIT_SUCCESS);
}

// --- shards

balance::Shard Gate::describe(const ShardBlock& block) {
  const ShardFacts& facts = facts_[block.name];
  balance::Shard shard;
  shard.id = names_.id_of(block.name);
  shard.name = block.name;
  shard.addresses = {block.address};
  shard.region = block.region;
  shard.weight = block.weight;
  shard.state = facts.wanted;
  // A shard that drains itself, or is full, gets no new rooms; an operator's word is stronger, not weaker.
  if (facts.verdict.last.refuses_new_rooms && shard.state == balance::ShardState::ready) {
    shard.state = balance::ShardState::drain;
  }
  shard.up = facts.verdict.up;
  shard.down_since = facts.verdict.up ? TimePoint{} : facts.verdict.changed_at;
  shard.max_connections = block.max_connections;
  shard.announced = block.announce.empty() ? facts.verdict.last.announced.value_or("") : block.announce;
  shard.load = facts.verdict.last.load.value_or(0);
  if (const auto way = credentials_.shards.find(block.name); way != credentials_.shards.end()) {
    shard.tls = way->second;
  }
  return shard;
}

void Gate::publish_shards() {
  std::vector<balance::Shard> all;
  for (const ShardBlock& block : options_.shards) all.push_back(describe(block));
  shards_ = std::make_shared<const balance::ShardSet>(all);
  // A copy for each core: its requests then share no reference count with another core's.
  runtime_.on_each([this, all = std::move(all)](net::Core& core) {
    workers_[core.index()]->set_shards(std::make_shared<const balance::ShardSet>(all));
  });
}

std::vector<health::Target> Gate::targets() const {
  std::vector<health::Target> out;
  for (const ShardBlock& block : options_.shards) {
    const auto way = credentials_.shards.find(block.name);
    out.push_back(
        {block.name, block.address, block.check, way == credentials_.shards.end() ? nullptr : way->second});
  }
  return out;
}

void Gate::on_verdict(const std::string& shard, const health::Verdict& verdict) {
  facts_[shard].verdict = verdict;
  publish_shards();
}

void Gate::every_second() {
  const auto now = Clock::now();
  (void)table_.tick(now);
  if (now - tickets_rotated_ >= tls::TicketKeys::kRotation) rotate_tickets();
  watch_credentials(now);
  sample_rates();
  runtime_.control().schedule(second_, now + seconds(1));
}

void Gate::rotate_tickets() {
  tickets_rotated_ = Clock::now();
  tickets_ = std::make_shared<const tls::TicketKeys>(tickets_->rotated());
  std::vector<bool> own;  // by door
  for (const auto& door : credentials_.doors) own.push_back(door.ticket_keys == nullptr);
  runtime_.on_each([this, keys = tickets_, own](net::Core& core) {
    const auto& listeners = listeners_[core.index()];
    for (std::size_t d = 0; d < listeners.size(); ++d) {
      const auto& contexts = listeners[d]->entrance().contexts;
      if (contexts != nullptr && own[d]) contexts->set_ticket_keys(keys);
    }
  });
}

void Gate::watch_credentials(TimePoint now) {
  if (now < next_look_) return;
  const auto seen = tls::fingerprint(credential_files(options_.listen, options_.shards));
  // Thousands of files take a while to look at: never more than a hundredth of this core's time.
  next_look_ = now + (Clock::now() - now) * 100;
  if (!files_.observe(seen)) return;
  const auto renewed = renew_credentials();
  metrics_.certificate_reloads.with({renewed ? "ok" : "refused"}).add();
  if (renewed) {
    LOG(info, "tls_files_read", {"because", "one has changed"});
  } else {
    LOG(error, "tls_files_refused", {"error", renewed.error()}, {"in_use", "the old ones stay"});
  }
}

Result<void, std::string> Gate::renew_credentials() {
  auto credentials = read_credentials(options_.listen, options_.shards, credentials_, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(options_.listen, *credentials);
  if (!entrances) return fail(entrances.error());
  const bool other_ways = credentials->shards != credentials_.shards;
  adopt(std::move(credentials).value());
  set_entrances(std::move(entrances).value());
  if (other_ways) {
    publish_shards();
    checker_->set_targets(targets());
  }
  return {};
}

void Gate::set_entrances(Entrances entrances) {
  runtime_.on_each([this, all = std::make_shared<Entrances>(std::move(entrances))](net::Core& core) {
    const std::size_t i = core.index();
    for (std::size_t d = 0; d < listeners_[i].size(); ++d) {
      listeners_[i][d]->set_entrance(std::move((*all)[i][d]));
    }
  });
}

// --- reload and shutdown

void Gate::on_signal(int signal) {
  if (signal == SIGHUP) return reload();
  if (signal == SIGINT || draining_) {
    // Asked twice, or by somebody at the keyboard: now.
    LOG(info, "stopping_now");
    end_at_ = Clock::now();
    draining_ = true;
    return stop_accepting();
  }
  begin_drain();
}

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
  auto credentials = read_credentials(next.listen, next.shards, credentials_, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(next.listen, *credentials);
  if (!entrances) return fail(entrances.error());
  if (auto opened = log_.open(); !opened) return fail("admin.access_log: " + opened.error());

  adopt(std::move(credentials).value());
  policy_ = std::move(policy);
  options_ = std::move(next);
  admission_.set_limit(options_.max_connections);
  gatekeeper_.set_limits(options_.limits);
  admin_->set_token(options_.admin.token);
  const auto settings = std::make_shared<const session::Settings>(options_.session);
  runtime_.on_each([this, settings, chosen = policy_](net::Core& core) {
    workers_[core.index()]->set_settings(settings, chosen);
  });
  set_entrances(std::move(entrances).value());
  std::erase_if(facts_, [this](const auto& known) {
    return std::none_of(options_.shards.begin(), options_.shards.end(),
                        [&](const ShardBlock& block) { return block.name == known.first; });
  });
  publish_shards();
  checker_->set_targets(targets());
  checker_->set_options(options_.health);
  return {};
}

void Gate::begin_drain() {
  draining_ = true;
  LOG(info, "draining", {"connections", admission_.inside()},
      {"delay_seconds", std::chrono::duration_cast<seconds>(options_.shutdown_delay).count()});
  // /ready and /about/health say so at once; whoever sends us traffic has the delay to notice.
  runtime_.on_each([this](net::Core& core) { workers_[core.index()]->leaving = true; });
  runtime_.control().schedule(stop_accepting_, Clock::now() + options_.shutdown_delay);
}

void Gate::stop_accepting() {
  if (accepting_) {
    accepting_ = false;
    stop_accepting_.cancel();
    end_at_ = std::min(end_at_, Clock::now() + options_.shutdown_grace);
    runtime_.on_each(
        [this](net::Core& core) {
          for (auto& listener : listeners_[core.index()]) listener->stop();
          workers_[core.index()]->drain();
        },
        [this] { wait_for_guests(); });
  } else {
    wait_for_guests();
  }
}

void Gate::wait_for_guests() {
  const auto now = Clock::now();
  if (admission_.inside() == 0) return finish();
  if (now >= end_at_ && !ended_) {
    ended_ = true;
    LOG(info, "ending_connections", {"connections", admission_.inside()});
    runtime_.on_each([this](net::Core& core) { workers_[core.index()]->end_all(); });
  }
  if (ended_ && now >= end_at_ + kLastWords) return finish();
  runtime_.control().schedule(watch_guests_, now + milliseconds(20));
}

void Gate::finish() {
  watch_guests_.cancel();
  admin_->stop();
  runtime_.on_each([this](net::Core& core) { workers_[core.index()]->flush_log(); },
                   [this] {
                     LOG(info, "stopped", {"connections_left", admission_.inside()});
                     runtime_.stop();
                   });
}

}  // namespace roomgate::router::gate
