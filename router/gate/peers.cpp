// The other front doors, where there are any: what we tell the replica, what it tells us, and what people see
// of it. Control core.

#include <algorithm>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/words.hpp"
#include "router/route/agreed.hpp"

namespace roomgate::router::gate {

using peers_sync::Refusal;
using WallClock = std::chrono::system_clock;

void Gate::make_cluster() {
  if (!options_.peers.on()) return;
  shard_words_.emplace(options_.name);
  cluster_ = std::make_unique<cluster::Cluster>(cluster::Cluster::Parts{runtime_, table_, names_, metrics_},
                                                options_.name, replica_maker(),
                                                [this](cluster::Host::News news) { hear(std::move(news)); });
  const auto& members = options_.peers.mesh.members;
  cluster_->set_rank(static_cast<std::size_t>(std::count_if(
      members.begin(), members.end(), [this](const auto& member) { return member.name < options_.name; })));
  publish_rules();
}

// On the peers core, while options_ may be changed here: it has a copy of its own.
cluster::Cluster::Make Gate::replica_maker() const {
  if (options_.peers.mode == "redis") {
    return [options = options_.peers.redis, members = options_.peers.mesh](
               net::Core& core, peers_sync::Host& host, std::uint64_t life) -> cluster::Cluster::Made {
      auto own = options;
      own.life = life;
      auto replica = peers_sync::redis::RedisReplica::make(core, std::move(own), host, members);
      if (!replica) return fail(replica.error());
      if (auto started = (*replica)->start(); !started) return fail(started.error());
      return std::unique_ptr<peers_sync::Replica>(std::move(*replica));
    };
  }
  return [options = options_.peers.mesh](net::Core& core, peers_sync::Host& host,
                                         std::uint64_t life) -> cluster::Cluster::Made {
    auto own = options;
    own.life = life;
    auto replica = std::make_unique<peers_sync::mesh::PeersReplica>(core, std::move(own), host);
    if (auto started = replica->start(); !started) return fail(started.error());
    return std::unique_ptr<peers_sync::Replica>(std::move(replica));
  };
}

Result<void, std::string> Gate::check_peers(const Options& options) {
  if (!options.peers.on()) return {};
  if (options.peers.mode == "redis" && options.peers.redis.place.tls) {
    const auto context = peers_sync::redis::make_context(options.peers.redis.ca);
    if (!context) return fail(context.error());
  }
  if (!options.peers.mesh.tls) return {};
  const auto tls = peers_sync::mesh::TlsContext::load(*options.peers.mesh.tls, options.name);
  if (!tls) return fail("peers.tls: " + tls.error());
  return {};
}

void Gate::reload_peers() {
  if (cluster_ == nullptr) return;
  publish_rules();
  const bool redis = options_.peers.mode == "redis";
  cluster_->reload(replica_maker(), [options = options_.peers.mesh, redis](peers_sync::Replica& replica) {
    // replica_maker() makes no other. Of Redis itself all settings need an upgrade.
    const auto set = redis ? static_cast<peers_sync::redis::RedisReplica&>(replica).set_peers(options)
                           : static_cast<peers_sync::mesh::PeersReplica&>(replica).set_options(options);
    if (!set) {
      LOG(error, "peers_reload_refused", {"error", set.error()}, {"in_use", "the old settings stay"});
    }
  });
}

void Gate::publish_rules() {
  if (cluster_ == nullptr) return;
  cluster_->set_claim_timeout(options_.peers.mesh.claim_timeout);
  cluster_->set_rules(options_.session.route, options_.policy);
}

void Gate::leave_peers(std::function<void()> gone) {
  if (cluster_ == nullptr) return gone();
  away_ = true;
  rejoin_ = false;
  cluster_->retire(std::move(gone));
}

void Gate::rejoin_peers() {
  if (!away_) return;
  rejoin_ = false;
  // Whoever was to take our place may need a moment to be gone.
  cluster_->start([this](Result<void, std::string> begun) {
    away_ = rejoin_ = !begun;
    if (!begun) LOG(error, "peers_rejoin_failed", {"error", begun.error()}, {"next", "in a second"});
  });
}

// A new process has to become one of the front doors first.
Duration Gate::patience_with_successor() const {
  constexpr Duration kAlone = seconds(1);
  constexpr Duration kToJoin = seconds(3);
  return cluster_ == nullptr ? kAlone : kToJoin + options_.peers.mesh.claim_timeout;
}

bool Gate::is_ours(std::string_view key) const { return cluster_ == nullptr || cluster_->owns(key); }

stick::Offer Gate::offer() {
  if (cluster_ == nullptr) return {};
  // The replica adopts what the table has when it begins; nobody reads it before. No entry counts as used
  // here: what the cores may take without asking is what we hold, the process before us included.
  return [this](std::string_view key, std::string_view, std::string_view, const stick::Entry& entry) {
    table_.agree(key, entry);
  };
}

// A room that a census tells of is known by nobody, most of the time, when all front doors have been away.
void Gate::seed_table() {
  if (table_.size() > 0) return;
  std::vector<std::pair<std::string, peers_sync::Home>> homes;
  for (const auto& seed : census_->snapshot()->seeds()) {
    peers_sync::Home home;
    home.shard = seed.shard;
    home.generation = 0;  // any front door's word is better
    home.created = seed.created;
    homes.emplace_back(seed.key, std::move(home));
  }
  if (homes.empty()) return;
  LOG(info, "rooms_seeded", {"rooms", homes.size()}, {"from", "census"});
  cluster_->adopt(std::move(homes));
}

// --- what it tells us

void Gate::hear(cluster::Host::News news) {
  // Another process has taken over: it is told the same.
  if (upgrade_->left()) return;
  session::MovedRooms by_drain{.left = {},
                               .window = std::min(options_.heal_window, directory::Drains::kStep)};
  session::MovedRooms others{.left = {}, .window = options_.heal_window};
  for (const auto& room : news.moved) {
    LOG(info, "room_moved", {"room", room.key}, {"from", room.from}, {"shard", room.to},
        {"why", room.drained ? "drain" : "agreed"});
    (room.drained ? by_drain : others).left.emplace(room.key, room.from);
  }
  send_away(std::move(by_drain));
  send_away(std::move(others));
  if (!news.heard.empty()) hear_words(news.heard);
  if (news.ready) LOG(info, *news.ready ? "peers_member" : "peers_not_member", {"gate", options_.name});
}

void Gate::hear_words(const std::vector<peers_sync::Word>& words) {
  bool states_differ = false;
  bool bans_differ = false;
  bool shards_differ = false;
  for (const auto& word : words) {
    states_differ = hear_state(word) || states_differ;
    bans_differ = hear_ban(word) || bans_differ;
    shards_differ = hear_shard(word) || shards_differ;
  }
  if (shards_differ && directory_.set_peer_shards(shard_words_->of_others(), Clock::now())) {
    shards_changed();
  } else if (states_differ) {
    publish_shards();
  }
  if (bans_differ) {
    publish_bans();
    send_banned_away();
  }
}

bool Gate::hear_shard(const peers_sync::Word& word) {
  const std::string_view name = word.name;
  if (!name.starts_with(directory::kShardWord)) return false;
  return shard_words_->hear(name.substr(directory::kShardWord.size()), word.value, word.by);
}

// Once all that others have said has come: who speaks of a shard already is not interrupted.
void Gate::tell_shards() {
  if (cluster_ == nullptr || !cluster_->ready() || away_ || goodbye_) return;
  for (auto& [name, value] : shard_words_->to_say(directory_.own_shards())) {
    cluster_->say(std::string(directory::kShardWord) + name, std::move(value));
  }
}

bool Gate::hear_state(const peers_sync::Word& word) {
  const auto shard = shard_of_state_word(word.name);
  const auto said = shard ? read_state(word.value) : std::nullopt;
  if (!said || !directory_.hear_state(*shard, said->state, word.version)) return false;
  LOG(info, "shard_state", {"shard", *shard}, {"state", word.value}, {"said_at", word.by});
  publish_shards();
  std::optional<TimePoint> deadline;
  if (said->deadline) {
    deadline = Clock::now() + std::chrono::duration_cast<Duration>(*said->deadline - WallClock::now());
  }
  begin_drains(*shard, deadline);
  return true;
}

bool Gate::hear_ban(const peers_sync::Word& word) {
  const auto said = read_ban(word.name, word.value);
  if (!said) return false;
  if (said->lifted) return drop_ban(said->ban);
  LOG(info, "banned", {to_text(said->ban.kind), said->ban.text}, {"status", said->ban.status},
      {"said_at", word.by});
  if (take_ban(said->ban)) return true;
  LOG(warn, "ban_not_taken", {to_text(said->ban.kind), said->ban.text}, {"reason", "too many"});
  return false;
}

// --- rooms that all have a say in

std::optional<admin::RoomRow> Gate::agreed_row(const std::string& key, const peers_sync::RoomFacts& facts) {
  auto entry = table_.peek(key);
  if (facts.home && (!entry || entry->generation < facts.home->generation)) {
    const auto holds = entry ? entry->holds : 0;
    entry = route::entry_of(*facts.home, names_.id_of(facts.home->shard), table_.regions());
    entry->holds = holds;
  }
  if (!entry) return std::nullopt;
  admin::RoomRow row = row_of(key, *entry);
  row.owner = facts.owner;
  row.holders = facts.holders;
  row.split = facts.split;
  return row;
}

net::Task<std::vector<admin::RoomRow>> Gate::split_rooms(std::size_t limit) {
  std::vector<admin::RoomRow> rows;
  if (cluster_ == nullptr) co_return rows;
  const auto split = co_await cluster_->split_rooms(limit);
  for (const auto& [key, facts] : split) {
    if (auto row = agreed_row(key, facts)) rows.push_back(std::move(*row));
  }
  co_return rows;
}

net::Task<Result<admin::Subject::Moved, admin::Subject::MoveError>> Gate::move_agreed(std::string normal,
                                                                                      std::string shard,
                                                                                      admin::Scope scope) {
  using Done = Result<Moved, MoveError>;
  if (scope == admin::Scope::here) co_return Done(fail(MoveError::here_only));
  const auto before = co_await cluster_->room(normal);
  if (!before.facts.home) co_return Done(fail(MoveError::no_such_room));
  const std::string from = before.facts.home->shard;
  if (const auto error = may_move_to(from, shard)) co_return Done(fail(*error));
  const auto here = table_.peek(normal);
  const auto outcome = co_await cluster_->move(normal, shard, stick::Placed::by_hand);
  if (outcome.refusal == Refusal::stay) co_return Done(fail(MoveError::no_such_room));
  if (outcome.refusal != Refusal::none) co_return Done(fail(MoveError::no_owner));
  metrics_.assignments.with({shard, "moved"}).add();
  Moved moved{.from = from, .generation = outcome.home.generation};
  moved.tunnels = static_cast<std::uint32_t>(before.tunnels_elsewhere) + (here ? here->holds : 0);
  co_return Done(std::move(moved));
}

// --- what people see

net::Task<void> Gate::look() {
  if (cluster_ != nullptr) co_await cluster_->look();
}

admin::Peers Gate::peers() {
  admin::Peers out;
  if (cluster_ == nullptr) return out;
  const auto& [status, rows] = cluster_->seen();
  out.mode = options_.peers.mode;
  out.state = status.state;
  out.ready = cluster_->ready();
  out.may_decide = status.may_decide;
  out.view = status.view;
  out.missing = status.missing;
  out.splits = status.splits;
  out.asked = status.asked;
  out.asked_in_vain = status.asked_in_vain;
  out.clamped = status.clamped;
  out.lease_ms = status.lease_ms;
  for (const auto& row : rows) {
    out.rows.push_back({.name = row.name,
                        .address = row.address,
                        .kind = row.kind,
                        .state = row.state,
                        .up = row.up,
                        .in_view = row.in_view,
                        .via = row.via,
                        .round_trip_ms = row.round_trip_ms,
                        .updates_in = row.updates_in,
                        .updates_out = row.updates_out,
                        .behind = row.behind,
                        .reconnects = row.reconnects,
                        .up_seconds = row.up_seconds,
                        .error = row.error});
  }
  return out;
}

void Gate::fill_peer_metrics() {
  if (cluster_ == nullptr) return;
  const auto& [status, rows] = cluster_->seen();
  metrics_.peers_ready.with({}).set(cluster_->ready() ? 1 : 0);
  metrics_.peers_may_decide.with({}).set(status.may_decide ? 1 : 0);
  metrics_.peers_view.with({}).set(static_cast<double>(status.view.size()));
  metrics_.peers_missing.with({}).set(static_cast<double>(status.missing.size()));
  metrics_.peers_lease.with({}).set(status.lease_ms / 1000);
  metrics_.peer_up.clear();
  metrics_.peer_behind.clear();
  metrics_.peer_round_trip.clear();
  for (const auto& row : rows) {
    metrics_.peer_up.with({row.name}).set(row.up ? 1 : 0);
    metrics_.peer_behind.with({row.name}).set(static_cast<double>(row.behind));
    if (row.up && row.round_trip_ms > 0)
      metrics_.peer_round_trip.with({row.name}).set(row.round_trip_ms / 1000);
  }
}

}  // namespace roomgate::router::gate
