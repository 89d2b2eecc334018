#include "peers-sync/mesh/peers_replica.hpp"

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>

#include "base/log.hpp"
#include "base/random.hpp"
#include "peers-sync/claim/node.hpp"
#include "peers-sync/claim/packets.hpp"
#include "peers-sync/claim/status.hpp"
#include "peers-sync/mesh/hinting_host.hpp"
#include "peers-sync/mesh/tunnel_counts.hpp"

namespace roomgate::peers_sync::mesh {

using claim::Node;

namespace {

constexpr Duration kLearnAtMost = seconds(5);  // from HAProxies, before we take part
constexpr Duration kLeaveAtMost = seconds(1);
constexpr Duration kLook = milliseconds(100);  // at the host's view of its shards
constexpr std::size_t kMaxHeldBack = 100'000;
constexpr int kNewLives = 3;
constexpr std::uint64_t kLastLife = std::uint64_t{1} << 62;  // what is beyond is nobody's clock

std::uint64_t life_by_clock() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<milliseconds>(since).count());
}

Mesh::Options mesh_options(const PeersOptions& options, std::uint64_t life,
                           std::shared_ptr<const TlsContext> tls) {
  return {.name = options.name,
          .life = life,
          .address = options.address,
          .members = options.members,
          .discover_srv = options.discover_srv,
          .dns = options.dns,
          .allow = options.allow,
          .tls = std::move(tls),
          .limits = options.limits};
}

Result<std::shared_ptr<const TlsContext>, std::string> tls_of(const PeersOptions& options) {
  if (!options.tls) return std::shared_ptr<const TlsContext>();
  return TlsContext::load(*options.tls, options.name);
}

}  // namespace

struct PeersReplica::Parts final : claim::Transport,
                                   Mesh::Listener,
                                   haproxy::Feed,
                                   haproxy::Beside::Listener,
                                   net::Turn,
                                   TimerWheel::Timer {
  Parts(net::Core& on, PeersOptions wanted, Host& its_host)
      : core(on),
        options(std::move(wanted)),
        life(options.life == 0 ? life_by_clock() : options.life),
        host(its_host, [this](std::string_view key, TimePoint now) { return beside.hint(key, now); }),
        beside(options.haproxy.settings, options.haproxy.servers, *this, *this, core.now()),
        mesh(core, mesh_options(options, life, nullptr), beside, *this) {}
  ~Parts() override { refuse_all(); }

  // Not the turn's: a process that is stopped in the middle of one goes on with it, and what it then decided
  // by the time before would be by a lease that is over.
  TimePoint time_now() const { return Clock::now(); }

  // --- Turns.
  void on_turn() override;
  void on_expire() override { stir(); }
  struct Again final : net::Turn {
    explicit Again(Parts& of) : parts(of) {}
    void on_turn() override { parts.stir(); }
    Parts& parts;
  };
  void stir() { core.at_end_of_turn(*this); }
  bool learns_from_haproxy(TimePoint now) const;
  void take_part(TimePoint now);
  void begin_new_life(TimePoint now);
  void look_at_shards(TimePoint now);
  void tell_haproxies(TimePoint now);
  void leave_if_done(TimePoint now);
  void set_timer(TimePoint now);

  // --- What waits for an answer.
  Done track(Done done);
  template <class Ask>
  void ask(Done done, Ask ask);
  void refuse_all();
  void refuse_late(TimePoint now);

  // --- Transport
  void send(const std::string& gate, claim::Packet packet) override {
    mesh.send(gate, packet.type, packet.body);
  }

  // --- Mesh::Listener
  void connected(const std::string& gate, std::uint64_t its_life) override;
  void lost(const std::string& gate) override;
  void refused(const std::string& gate) override;
  bool packet(const std::string& gate, std::uint8_t type, ByteView body) override;
  void gates_changed() override;
  void look_for_newer_life(ByteView body);

  // --- Feed
  static Change change_of(const Node::Item& item) {
    return {.key = item.key,
            .shard = item.home == nullptr ? std::string_view() : item.home->shard,
            .ours = item.ours,
            .position = item.position};
  }
  void changed_since(std::uint64_t position, const std::function<bool(const Change&)>& visit) const override {
    if (node == nullptr) return;
    node->changed_since(position, [&visit](const Node::Item& item) { return visit(change_of(item)); });
  }
  std::optional<Known> find(std::string_view key) const override;
  bool complete() const override { return node != nullptr && node->ready(); }

  // --- Beside::Listener
  std::optional<std::string> key_of(std::string_view spelling) override {
    return options.haproxy.key_of ? options.haproxy.key_of(spelling) : std::string(spelling);
  }
  void adopt(std::string_view key, std::string_view shard) override {
    adopt_home(std::string(key), {.shard = std::string(shard), .generation = 0, .created = time_now()});
  }
  void adopt_home(std::string key, Home home);

  net::Core& core;
  PeersOptions options;
  std::uint64_t life;
  HintingHost host;
  haproxy::Beside beside;
  std::unique_ptr<Node> node;  // null: it does not take part yet
  Again again{*this};

  bool started = false;
  TimePoint begin{};
  std::uint64_t newer_life = 0;  // of ours, that others know
  int new_lives = 0;
  bool was_member = false;
  std::set<std::string> absent;  // gates whose hosts refused, as long as there is no node to tell
  std::map<std::string, std::uint64_t> up;

  std::uint64_t last_ask = 0;
  std::unordered_map<std::uint64_t, Done> waiting;
  struct HeldBack {
    std::uint64_t id;
    TimePoint until;
    std::function<void()> ask;
  };
  std::deque<HeldBack> held_back;                 // until there is a node
  std::unordered_map<std::string, Home> adopted;  // likewise

  TunnelCounts counts{[this](const std::string& gate, std::uint8_t type, std::string_view body) {
                        mesh.send(gate, type, body);
                      },
                      [this](std::string_view key) { return host.tunnels(key); }};

  TimePoint look_at{};
  std::vector<std::string> down;
  std::uint64_t told = 0;  // the node's last change that the HAProxy side has seen
  bool resigned = false;
  std::function<void()> left;
  TimePoint leave_until = TimePoint::max();

  Mesh mesh;  // the last, since it speaks to all of the above
};

// --- Turns.

// What the turn has brought is worked on once, at its end; what that has to say leaves right after, since
// links write at the end of the turn as well, and behind us.
void PeersReplica::Parts::on_turn() {
  const TimePoint now = time_now();
  if (!started) return;
  if (newer_life > life) begin_new_life(now);
  if (node == nullptr && !learns_from_haproxy(now)) take_part(now);
  if (node == nullptr) refuse_late(now);
  if (node != nullptr) {
    look_at_shards(now);
    if (node->next() <= now) node->tick(now);
    was_member = was_member || node->ready();
  }
  counts.tick(now);
  tell_haproxies(now);
  leave_if_done(now);
  set_timer(now);
}

// New rooms must not be placed by who does not know yet what a HAProxy beside us knows.
bool PeersReplica::Parts::learns_from_haproxy(TimePoint now) const {
  return mesh.may_have_haproxy() && !beside.learned(now) && now < begin + kLearnAtMost;
}

void PeersReplica::Parts::take_part(TimePoint now) {
  node = std::make_unique<Node>(claim::NodeOptions{.name = options.name,
                                                   .life = life,
                                                   .seed = random_u64(),
                                                   .lease = options.lease,
                                                   .claim_timeout = options.claim_timeout,
                                                   .idle = options.idle,
                                                   .recent = options.recent,
                                                   .provisional_life = options.provisional_life,
                                                   .reconnect_grace = options.reconnect_grace,
                                                   .max_entries = options.max_entries,
                                                   .provisional_share = options.provisional_share},
                                host, *this, now);
  node->set_configured(mesh.gates(), now);
  if (resigned) node->resign(now);
  for (const auto& [gate, its_life] : up) node->connected(gate, now);
  for (const std::string& gate : absent) node->refused(gate, now);
  absent.clear();
  down.clear();
  told = 0;
  for (auto& [key, home] : std::exchange(adopted, {})) node->adopt(key, home, now);
  for (const HeldBack& held : std::exchange(held_back, {})) {
    if (waiting.contains(held.id)) held.ask();
  }
}

void PeersReplica::Parts::begin_new_life(TimePoint now) {
  LOG(warn, "peers_know_a_newer_life", {"life", life}, {"newer", newer_life},
      {"why", "the clock was set back, or another gate has this name"});
  life = newer_life + 1;
  newer_life = 0;
  ++new_lives;
  refuse_all();
  node.reset();
  mesh.set_life(life);
  begin = now;
}

void PeersReplica::Parts::look_at_shards(TimePoint now) {
  if (now < look_at) return;
  look_at = now + kLook;
  auto seen = host.shards_down();
  if (seen == down) return;
  down = std::move(seen);
  node->shards_down_changed(now);
}

void PeersReplica::Parts::tell_haproxies(TimePoint now) {
  const std::uint64_t change = node == nullptr ? 0 : node->last_change();
  if (change == told && beside.next() > now) return;
  told = change;
  beside.tick(now);
  if (beside.take_news()) mesh.push();
}

void PeersReplica::Parts::leave_if_done(TimePoint now) {
  if (!left) return;
  if (node != nullptr && !node->has_left() && now < leave_until) return;
  mesh.stop();
  leave_until = TimePoint::max();
  std::exchange(left, nullptr)();
}

void PeersReplica::Parts::set_timer(TimePoint now) {
  TimePoint next = std::min({beside.next(), leave_until, counts.next()});
  if (node != nullptr) {
    next = std::min({next, node->next(), look_at});
  } else {
    next = std::min(next, begin + kLearnAtMost);
    if (!held_back.empty()) next = std::min(next, held_back.front().until);
  }
  if (next <= now) {
    // There is more of it than one turn should have.
    if (!again.is_linked()) core.soon(again);
  } else if (next == TimePoint::max()) {
    cancel();
  } else {
    core.schedule(*this, next);
  }
}

// --- What waits for an answer. Each does end: by the node, or here.

PeersReplica::Done PeersReplica::Parts::track(Done done) {
  const std::uint64_t id = ++last_ask;
  waiting.emplace(id, std::move(done));
  return [this, id](const Outcome& outcome) {
    auto entry = waiting.extract(id);
    if (!entry.empty()) entry.mapped()(outcome);
  };
}

template <class Ask>
void PeersReplica::Parts::ask(Done done, Ask ask) {
  const TimePoint now = time_now();
  if (node == nullptr && held_back.size() >= kMaxHeldBack) return done({.refusal = Refusal::no_owner});
  Done tracked = track(std::move(done));
  if (node != nullptr) {
    ask(*node, std::move(tracked), now);
  } else {
    held_back.push_back({last_ask, now + options.claim_timeout,
                         [this, ask = std::move(ask), tracked = std::move(tracked)]() mutable {
                           ask(*node, std::move(tracked), time_now());
                         }});
  }
  stir();
}

void PeersReplica::Parts::refuse_all() {
  held_back.clear();
  for (auto& [id, done] : std::exchange(waiting, {})) done({.refusal = Refusal::no_owner});
}

void PeersReplica::Parts::refuse_late(TimePoint now) {
  while (!held_back.empty() && held_back.front().until <= now) {
    auto entry = waiting.extract(held_back.front().id);
    held_back.pop_front();
    if (!entry.empty()) entry.mapped()({.refusal = Refusal::no_owner});
  }
}

// --- What the mesh says.

void PeersReplica::Parts::connected(const std::string& gate, std::uint64_t its_life) {
  up[gate] = its_life;
  absent.erase(gate);
  if (node != nullptr) node->connected(gate, time_now());
  stir();
}

void PeersReplica::Parts::lost(const std::string& gate) {
  up.erase(gate);
  if (node != nullptr) node->lost(gate, time_now());
  stir();
}

void PeersReplica::Parts::refused(const std::string& gate) {
  if (node != nullptr) {
    node->refused(gate, time_now());
  } else {
    absent.insert(gate);
  }
  stir();
}

void PeersReplica::Parts::gates_changed() {
  if (node != nullptr) node->set_configured(mesh.gates(), time_now());
  stir();
}

bool PeersReplica::Parts::packet(const std::string& gate, std::uint8_t type, ByteView body) {
  if (counts.take(gate, type, body)) return true;
  if (type == claim::kStatus && !was_member) look_for_newer_life(body);
  stir();
  // Later than it would have been heard: a node survives what is lost, and asks again.
  if (node == nullptr || newer_life > life) return true;
  return node->receive(gate, type, body, time_now());
}

void PeersReplica::Parts::look_for_newer_life(ByteView body) {
  const auto status = claim::decode_status(body);
  if (!status || new_lives >= kNewLives) return;
  for (const auto& known : status->of) {
    const bool newer = known.gate.name == options.name && known.gate.life > life;
    if (newer && known.gate.life < kLastLife) newer_life = std::max(newer_life, known.gate.life);
  }
}

std::optional<haproxy::Feed::Known> PeersReplica::Parts::find(std::string_view key) const {
  if (node == nullptr) return std::nullopt;
  std::optional<Known> known;
  node->look_at(key, [&known](const Node::Item& item) {
    if (item.home == nullptr) return;
    known = Known{.shard = item.home->shard, .ours = item.ours, .in_use = item.held};
  });
  return known;
}

void PeersReplica::Parts::adopt_home(std::string key, Home home) {
  stir();
  if (node != nullptr) return node->adopt(std::move(key), std::move(home), time_now());
  if (adopted.size() >= options.max_entries) return;
  const auto [at, fresh] = adopted.try_emplace(std::move(key), home);
  if (!fresh && home.generation > at->second.generation) at->second = std::move(home);
}

// --- The replica.

PeersReplica::PeersReplica(net::Core& core, PeersOptions options, Host& host)
    : parts_(std::make_unique<Parts>(core, std::move(options), host)) {}

PeersReplica::~PeersReplica() = default;

Result<void, std::string> PeersReplica::start() {
  Parts& p = *parts_;
  auto tls = tls_of(p.options);
  if (!tls) return fail(tls.error());
  if (auto set = p.mesh.set_options(mesh_options(p.options, p.life, std::move(*tls))); !set) return set;
  if (auto started = p.mesh.start(); !started) return started;
  p.started = true;
  p.begin = p.time_now();
  p.stir();
  return {};
}

Result<void, std::string> PeersReplica::set_options(PeersOptions options) {
  Parts& p = *parts_;
  options.name = p.options.name;
  auto tls = tls_of(options);
  if (!tls) return fail(tls.error());
  if (auto set = p.mesh.set_options(mesh_options(options, p.life, std::move(*tls))); !set) return set;
  p.beside.set(options.haproxy.settings, options.haproxy.servers, p.time_now());
  p.options = std::move(options);
  p.stir();
  return {};
}

void PeersReplica::claim(Claim claim, Done done) {
  if (!claim.spelling.empty()) spelled(claim.key, claim.spelling);
  parts_->ask(std::move(done), [claim = std::move(claim)](Node& node, Done then, TimePoint now) mutable {
    node.claim(std::move(claim), std::move(then), now);
  });
}

void PeersReplica::elsewhere(Elsewhere ask, Done done) {
  parts_->ask(std::move(done), [ask = std::move(ask)](Node& node, Done then, TimePoint now) mutable {
    node.elsewhere(std::move(ask), std::move(then), now);
  });
}

void PeersReplica::settle(Settle settle, Done done) {
  parts_->ask(std::move(done), [settle = std::move(settle)](Node& node, Done then, TimePoint now) mutable {
    node.settle(std::move(settle), std::move(then), now);
  });
}

void PeersReplica::move(std::string key, std::string to, std::uint8_t placed, Done done) {
  parts_->ask(std::move(done), [key = std::move(key), to = std::move(to), placed](Node& node, Done then,
                                                                                  TimePoint now) mutable {
    node.move(std::move(key), std::move(to), placed, std::move(then), now);
  });
}

void PeersReplica::forget(std::string key, Done done) {
  parts_->ask(std::move(done), [key = std::move(key)](Node& node, Done then, TimePoint now) mutable {
    node.forget(std::move(key), std::move(then), now);
  });
}

void PeersReplica::say(std::string name, std::string value) {
  parts_->ask([](const Outcome&) {},
              [name = std::move(name), value = std::move(value)](Node& node, const Done& then,
                                                                 TimePoint now) mutable {
                node.say(std::move(name), std::move(value), now);
                then({});
              });
}

void PeersReplica::adopt(std::string key, Home home) { parts_->adopt_home(std::move(key), std::move(home)); }

bool PeersReplica::ready() const { return parts_->node != nullptr && parts_->node->ready(); }

ReplicaStatus PeersReplica::status() const {
  if (parts_->node != nullptr) return parts_->node->status(parts_->time_now());
  return {.mode = "peers", .state = "learning"};
}

// The mesh knows about sessions, the node about gates; some of those it knows only through others.
std::vector<PeerRow> PeersReplica::peers() const {
  const Parts& p = *parts_;
  std::vector<PeerRow> rows = p.mesh.rows(p.time_now());
  if (p.node == nullptr) return rows;
  for (PeerRow& said : p.node->peers(p.time_now())) {
    const auto known =
        std::find_if(rows.begin(), rows.end(), [&said](const PeerRow& row) { return row.name == said.name; });
    if (known == rows.end()) {
      rows.push_back(std::move(said));
      continue;
    }
    // A member that never spoke is no gate, as far as we know.
    if (known->kind == "unknown" && said.state == "gone") continue;
    known->kind = "gate";
    known->state = std::move(said.state);
    known->in_view = said.in_view;
    known->via = std::move(said.via);
    known->round_trip_ms = said.round_trip_ms;
    known->updates_in = said.updates_in;
    known->updates_out = said.updates_out;
    known->behind = said.behind;
    known->asks_dropped = said.asks_dropped;
  }
  return rows;
}

RoomFacts PeersReplica::facts(std::string_view key) const {
  return parts_->node == nullptr ? RoomFacts{} : parts_->node->facts(key, parts_->time_now());
}

std::vector<std::string> PeersReplica::split_rooms(std::size_t limit) const {
  return parts_->node == nullptr ? std::vector<std::string>{} : parts_->node->split_rooms(limit);
}

void PeersReplica::count_tunnels(std::string key, Counted done) {
  std::vector<std::string> gates;
  for (const auto& [gate, life] : parts_->up) gates.push_back(gate);
  parts_->counts.ask(key, gates, std::move(done), parts_->time_now());
  parts_->stir();
}

void PeersReplica::resign() {
  Parts& p = *parts_;
  p.resigned = true;
  if (p.node != nullptr) p.node->resign(p.time_now());
  p.stir();
}

void PeersReplica::leave(std::function<void()> left) {
  Parts& p = *parts_;
  p.left = std::move(left);
  p.leave_until = p.time_now() + kLeaveAtMost;
  p.mesh.stop_listening();
  if (p.node != nullptr) p.node->leave(p.time_now());
  p.stir();
}

void PeersReplica::spelled(std::string_view key, std::string_view spelling) {
  parts_->beside.spelled(key, spelling, parts_->time_now());
  parts_->stir();
}

std::uint64_t PeersReplica::life() const { return parts_->life; }
std::optional<Address> PeersReplica::address() const { return parts_->mesh.address(); }
Mesh::Counters PeersReplica::mesh_counters() const { return parts_->mesh.counters(); }
const haproxy::Beside::Counters& PeersReplica::haproxy_counters() const { return parts_->beside.counters(); }

}  // namespace roomgate::peers_sync::mesh
