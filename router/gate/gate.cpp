#include "router/gate/gate.hpp"

#include <unistd.h>

#include <cstdlib>
#include <ctime>

#include "base/log.hpp"
#include "router/gate/notify.hpp"
#include "router/session/arrival.hpp"
#include "router/stick/image.hpp"

namespace roomgate::router::gate {
namespace {

constexpr seconds kFirstAnswers{5};  // of DNS, before we serve with the shards that are known
constexpr seconds kFirstCensus{2};   // of all shards, before we serve with the rooms that are known

}  // namespace

Gate::Gate(Options options, Reload reload, Start start)
    : options_(std::move(options)),
      reload_(std::move(reload)),
      table_(options_.table),
      admission_(options_.max_connections),
      slots_(options_.threads > 0 ? options_.threads : net::available_cpus()),
      gatekeeper_(options_.limits),
      log_(options_.access_log, metrics_.log_dropped.with({})),
      shards_(std::make_shared<balance::ShardSet>()),
      tickets_(std::make_shared<const tls::TicketKeys>(tls::TicketKeys::random())),
      runtime_({.threads = options_.threads, .peers = options_.peers.on()}),
      doors_(runtime_,
             [this](net::Core& core, int descriptor, std::shared_ptr<const listen::Entrance> entrance) {
               return std::make_unique<listen::Listener>(
                   core, descriptor, std::move(entrance), admission_, gatekeeper_, metrics_,
                   [worker = workers_[core.index()].get()](listen::Newcomer newcomer) {
                     session::receive(*worker, std::move(newcomer));
                   });
             }),
      inherited_(start.inherited),
      upgrade_(std::make_unique<Upgrade>(*this, std::move(start.command))),
      snapshot_(
          [this] {
            const auto written = std::chrono::system_clock::now().time_since_epoch();
            return stick::image_of(
                table_, [this](stick::ShardId id) { return names_.name_of(id); }, Clock::now(),
                std::chrono::duration_cast<milliseconds>(written).count());
          },
          metrics_.snapshot_failures.with({})),
      second_([this] { every_second(); }),
      publish_([this] { publish_shards(); }),
      stop_accepting_([this] { stop_accepting(); }),
      watch_guests_([this] { wait_for_guests(); }),
      started_(Clock::now()),
      tickets_rotated_(started_) {}

Gate::~Gate() = default;

Result<std::unique_ptr<Gate>, std::string> Gate::make(Options options, Reload reload, Start start) {
  std::unique_ptr<Gate> gate(new Gate(std::move(options), std::move(reload), std::move(start)));
  gate->policy_ = balance::make_policy(gate->options_.policy);
  if (gate->policy_ == nullptr) return fail("balance.policy: no policy \"" + gate->options_.policy + "\"");
  if (auto opened = gate->log_.open(); !opened) return fail("admin.access_log: " + opened.error());
  if (auto checked = check_peers(gate->options_); !checked) return fail(checked.error());
  gate->make_cluster();
  if (gate->inherited_ != nullptr) {
    if (auto taken = gate->upgrade_->take(*gate->inherited_); !taken) return fail(taken.error());
  } else {
    gate->load_snapshot();
  }
  gate->directory_.set_blocks(gate->options_.shards, gate->options_.discover, Clock::now());
  if (gate->inherited_ != nullptr) gate->upgrade_->take_found(*gate->inherited_);
  gate->start_workers();
  if (auto opened = gate->open_doors(); !opened) return fail(opened.error());
  gate->admin_ = std::make_unique<admin::Server>(gate->runtime_.control(), *gate, gate->options_.admin);
  const auto inherit = [&gate](admin::Place place, const std::string& address) {
    using Kind = handover::Descriptor::Kind;
    if (gate->inherited_ == nullptr) return -1;
    const Kind kind = place == admin::Place::address  ? Kind::admin
                      : place == admin::Place::socket ? Kind::admin_socket
                                                      : Kind::probe;
    const auto descriptors = gate->inherited_->take(kind, address);
    return descriptors.empty() ? -1 : descriptors.front();
  };
  if (auto opened = gate->admin_->open(inherit); !opened) return fail(opened.error());
  if (auto opened = gate->upgrade_->open(gate->inherited_); !opened) return fail(opened.error());
  return gate;
}

Result<void, std::string> Gate::open_doors() {
  auto plan = doors_.plan(options_.listen, inherited_);
  if (!plan) return fail(plan.error());
  auto credentials = read_credentials(options_.listen, directory_.reachable(), {}, std::time(nullptr));
  if (!credentials) return fail(credentials.error());
  auto entrances = make_entrances(plan->doors(), *credentials);
  if (!entrances) return fail(entrances.error());
  // Where the process that serves has the address open, nobody must wait in sockets that may never be served.
  if (inherited_ == nullptr) {
    if (auto listening = plan->listen(); !listening) return listening;
  }
  adopt(std::move(credentials).value());
  adopt_geoip();
  doors_.commit(std::move(plan).value(), std::move(entrances).value());
  return {};
}

void Gate::start_workers() {
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
    if (cluster_ != nullptr) worker.set_arbiter(&cluster_->arbiter());
    worker.on_connect_failed = [this](const std::string& shard, bool silent) {
      runtime_.control().post([this, shard, silent] { checker_->connect_failed(shard, silent); });
    };
    // Connections to a shard that takes no new ones may live on: half a meeting must not stay there.
    worker.on_room_moved = [this](std::string_view key, const std::string& from) {
      runtime_.control().post([this, room = std::string(key), from] {
        send_away({.left = {{room, from}}, .window = options_.heal_window});
      });
    };
  }
}

bool Gate::run() {
  net::Core& control = runtime_.control();
  checker_ = std::make_unique<health::Checker>(
      control, options_.health, metrics_,
      [this](const std::string& target, const health::Verdict& verdict) { on_verdict(target, verdict); });
  census_ = std::make_unique<census::Asker>(control, options_.census, metrics_);
  if (cluster_ != nullptr) {
    cluster_->set_census([census = census_.get()](std::string_view key, std::string_view shard) {
      return census->snapshot()->participants(key, shard);
    });
  }
  discoverer_ = std::make_unique<discovery::Discoverer>(
      control, metrics_,
      [this](const std::string& question, const std::vector<directory::Endpoint>& endpoints) {
        directory_.set_found(question, endpoints, Clock::now());
        shards_changed();
      });
  publish_shards();
  publish_bans();
  checker_->set_targets(targets());
  census_->set_targets(census_targets());
  discoverer_->set_blocks(options_.discover, options_.dns);
  sample_rates();  // from nothing
  control.schedule(second_, Clock::now() + seconds(1));
  runtime_.on_signal([this](int signal) { on_signal(signal); });
  control.spawn(serve_when_found());
  runtime_.run();
  log_.flush();
  if (failed_) return false;
  if (admission_.inside() == 0) return true;
  // Tunnels that would not end in time: they point into what is about to go.
  std::_Exit(EXIT_SUCCESS);
}

net::Task<void> Gate::serve_when_found() {
  // Who comes meanwhile waits in the system's queue, or is served by the process before us, and is not told
  // that there is no shard.
  const bool found = co_await discoverer_->all_answered(Clock::now() + kFirstAnswers);
  if (!found) LOG(warn, "serving_without_dns", {"waited_seconds", kFirstAnswers.count()});
  if (!accepting_) co_return;
  if (inherited_ == nullptr) {
    // Nobody may know any more which rooms there are, but for the shards.
    if (cluster_ != nullptr && table_.size() == 0) {
      (void)co_await census_->all_asked(Clock::now() + kFirstCensus);
      if (!accepting_) co_return;
    }
    serve();
    co_return;
  }
  upgrade_->prepared(
      *inherited_, [this] { serve(); },
      [this](std::string_view why) {
        LOG(error, "cannot_take_over", {"error", why});
        failed_ = true;
        runtime_.stop();
      });
}

void Gate::serve() {
  if (inherited_ != nullptr) {
    for (const auto& address : inherited_->close_rest()) LOG(info, "listening_no_more", {"address", address});
    inherited_ = nullptr;
  }
  if (cluster_ == nullptr) return open();
  cluster_->start([this](Result<void, std::string> begun) {
    if (begun) {
      seed_table();
      return open();
    }
    LOG(error, "cannot_start", {"error", "peers: " + begun.error()});
    failed_ = true;
    runtime_.stop();
  });
}

void Gate::open() {
  doors_.start([this] {
    upgrade_->serving();
    admin_->serve();
    upgrade_->serve();
    snapshot_.write_to(options_.snapshot, options_.snapshot_interval);
    notify_supervisor("MAINPID=" + std::to_string(::getpid()) + "\nREADY=1");
    LOG(info, "serving", {"gate", options_.name}, {"threads", runtime_.size()}, {"pid", ::getpid()});
  });
}

void Gate::load_snapshot() {
  if (options_.snapshot.empty()) return;
  // A key and its shard's name are far from being this long.
  const auto bytes = read_whole(options_.snapshot, options_.table.max_entries * 512 + 4096);
  if (!bytes) {
    LOG(warn, "snapshot_not_read", {"error", bytes.error()});
    return;
  }
  if (!*bytes) return;
  const auto written = stick::read_image(as_bytes(**bytes), [](const stick::ImageEntry&) {});
  if (!written) {
    LOG(warn, "snapshot_not_read", {"file", options_.snapshot}, {"error", to_text(written.error())});
    return;
  }
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto elapsed = std::max(wall - milliseconds(*written), decltype(wall)(0));
  const auto restored =
      stick::restore(table_, as_bytes(**bytes), [this](std::string_view name) { return names_.id_of(name); },
                     {.now = Clock::now(), .elapsed = elapsed, .seeded = true, .held = {}, .offer = offer()});
  if (!restored) return;
  LOG(info, "snapshot_read", {"rooms", restored->taken}, {"expired", restored->left_out},
      {"age_seconds", std::chrono::duration_cast<seconds>(elapsed).count()});
}

void Gate::every_second() {
  const auto now = Clock::now();
  (void)table_.tick(now);
  // Rooms are moved by one process only.
  if (inherited_ == nullptr && !upgrade_->under_way() && !upgrade_->left()) watch_drains(now);
  if (directory_.prune([this](stick::ShardId shard) { return table_.rooms_on(shard); })) shards_changed();
  census_->review([this](std::string_view key) { return table_.peek(key).has_value(); });
  upgrade_->every_second(now);
  if (!upgrade_->left()) {
    if (now - tickets_rotated_ >= tls::TicketKeys::kRotation) rotate_tickets();
    watch_credentials(now);
    watch_geoip();
  }
  sample_rates();
  if (cluster_ != nullptr) cluster_->look_soon();
  tell_shards();
  if (rejoin_ && !upgrade_->left()) rejoin_peers();
  runtime_.control().schedule(second_, now + seconds(1));
}

}  // namespace roomgate::router::gate
