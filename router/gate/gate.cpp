#include "router/gate/gate.hpp"

#include <cstdlib>
#include <ctime>

#include "base/log.hpp"
#include "router/session/arrival.hpp"

namespace roomgate::router::gate {
namespace {

constexpr seconds kFirstAnswers{5};  // of DNS, before we serve with the shards that are known

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
      publish_([this] { publish_shards(); }),
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

Result<void, std::string> Gate::start_workers() {
  directory_.set_blocks(options_.shards, options_.discover, Clock::now());
  auto credentials = read_credentials(options_.listen, directory_.reachable(), {}, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(options_.listen, *credentials);
  if (!entrances) return fail(entrances.error());
  adopt(std::move(credentials).value());
  adopt_geoip();
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
    worker.on_connect_failed = [this](const std::string& shard, bool silent) {
      runtime_.control().post([this, shard, silent] { checker_->connect_failed(shard, silent); });
    };
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
      [this](const std::string& target, const health::Verdict& verdict) { on_verdict(target, verdict); });
  discoverer_ = std::make_unique<discovery::Discoverer>(
      control, metrics_,
      [this](const std::string& question, const std::vector<directory::Endpoint>& endpoints) {
        directory_.set_found(question, endpoints, Clock::now());
        shards_changed();
      });
  publish_shards();
  publish_bans();
  checker_->set_targets(targets());
  discoverer_->set_blocks(options_.discover, options_.dns);
  sample_rates();  // from nothing
  control.schedule(second_, Clock::now() + seconds(1));
  runtime_.on_signal([this](int signal) { on_signal(signal); });
  control.spawn(serve_when_found());
  runtime_.run();
  log_.flush();
  if (admission_.inside() == 0) return;
  // Tunnels that would not end in time: they point into what is about to go.
  std::_Exit(EXIT_SUCCESS);
}

net::Task<void> Gate::serve_when_found() {
  // Who comes meanwhile waits in the system's queue, and is not told that there is no shard.
  const bool found = co_await discoverer_->all_answered(Clock::now() + kFirstAnswers);
  if (!found) LOG(warn, "serving_without_dns", {"waited_seconds", kFirstAnswers.count()});
  if (!accepting_) co_return;
  runtime_.on_each(
      [this](net::Core& core) {
        for (auto& listener : listeners_[core.index()]) listener->start();
      },
      [this] {
        LOG(info, "serving", {"gate", options_.name}, {"threads", runtime_.size()});
      });
}

void Gate::every_second() {
  const auto now = Clock::now();
  (void)table_.tick(now);
  watch_drains(now);
  if (directory_.prune([this](stick::ShardId shard) { return table_.rooms_on(shard); })) shards_changed();
  if (now - tickets_rotated_ >= tls::TicketKeys::kRotation) rotate_tickets();
  watch_credentials(now);
  watch_geoip();
  sample_rates();
  runtime_.control().schedule(second_, now + seconds(1));
}

}  // namespace roomgate::router::gate
