// How the process that serves gives way to the next, and lives on with its tunnels once it has.
#include "router/gate/upgrade.hpp"

#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/stick/image.hpp"

extern char** environ;

namespace roomgate::router::gate {

using handover::Link;
namespace {

// As Drain has lengths of time, bounded both ways.
template <class Length>
std::uint64_t milliseconds_of(Length length) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(length).count()));
}
}  // namespace

void Upgrade::spawn() {
  if (stage_ != Stage::serving || child_ > 0) {
    LOG(warn, "upgrade_refused",
        {"because", stage_ == Stage::left ? "this process has been taken over already"
                                          : "a new process is on its way already"});
    return;
  }
  std::vector<char*> arguments;
  for (std::string& argument : command_) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const int error = command_.empty()
                        ? ENOENT
                        : ::posix_spawnp(&child_, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (error != 0) {
    child_ = -1;
    gate_.metrics_.upgrades.with({"failed"}).add();
    LOG(error, "upgrade_failed", {"error", std::string("cannot start the program: ") + std::strerror(error)});
    return;
  }
  LOG(info, "upgrade_started", {"program", command_[0]}, {"pid", child_});
}

void Upgrade::offer(Other& other) {
  if (stage_ != Stage::serving || gate_.draining_) {
    const char* because =
        gate_.draining_ ? "this process is being stopped" : "another process is taking over";
    LOG(warn, "upgrade_refused", {"pid", other.link->peer().pid}, {"because", because});
    gate_.metrics_.upgrades.with({"refused"}).add();
    other.link->send(handover::Refused{because});
    return remove(other);
  }
  LOG(info, "upgrade_begins", {"new_pid", other.link->peer().pid}, {"rooms", gate_.table_.size()});
  other.role = Other::Role::successor;
  successor_ = &other;
  stage_ = Stage::offering;
  ++handover_;
  image_began_ = Clock::now();
  gate_.runtime_.control().schedule(out_of_patience_, image_began_ + limits_.patience);
  make_image({}, [this](std::string image) { send_offer(std::move(image)); });
}

void Upgrade::make_image(std::function<bool(const stick::Entry&)> wanted,
                         std::function<void(std::string)> done) {
  if (image_maker_.joinable()) image_maker_.join();
  image_maker_ = std::thread([this, wanted = std::move(wanted), done = std::move(done), number = handover_] {
    auto image = std::make_shared<std::string>(stick::image_of(
        gate_.table_, [this](stick::ShardId id) { return gate_.names_.name_of(id); }, Clock::now(), 0,
        wanted));
    gate_.runtime_.control().post([this, image, done, number] {
      if (number == handover_) done(std::move(*image));
    });
  });
}

void Upgrade::send_offer(std::string image) {
  using Kind = handover::Descriptor::Kind;
  Link& link = *successor_->link;
  gate_.doors_.give_to(link);
  gate_.admin_->each([&link](admin::Place place, const std::string& address, int descriptor) {
    const Kind kind = place == admin::Place::address  ? Kind::admin
                      : place == admin::Place::socket ? Kind::admin_socket
                                                      : Kind::probe;
    link.send_descriptor({.kind = kind, .address = address}, descriptor);
  });
  if (acceptor_ != nullptr) {
    link.send_descriptor({.kind = Kind::upgrade_socket, .address = socket_}, acceptor_->descriptor());
  }
  link.send(handover::TicketKeys{gate_.tickets_->bytes()});
  send_words();
  for (const auto& [question, endpoints] : gate_.directory_.found()) {
    for (const auto& endpoint : endpoints) {
      link.send(handover::Found{question, endpoint.name, endpoint.address, endpoint.weight.has_value(),
                                endpoint.weight.value_or(0)});
    }
  }
  link.send_table(std::move(image));
  link.send(handover::Offered{});
}

void Upgrade::send_words() {
  Link& link = *successor_->link;
  for (const auto& [shard, word] : gate_.directory_.words()) {
    link.send(
        handover::ShardWord{shard, std::string(balance::to_text(word.state)), word.version, {word.local}});
  }
  send_drains();
  for (const route::Ban& ban : gate_.operator_bans_) {
    link.send(handover::Ban{
        static_cast<std::uint8_t>(ban.kind), ban.text, static_cast<std::uint32_t>(ban.status), {ban.local}});
  }
}

void Upgrade::send_drains() {
  const auto now = Clock::now();
  const auto wall = std::chrono::system_clock::now();
  gate_.drains_.each([&](const std::string& shard, const directory::Drains::Drain& drain) {
    successor_->link->send(handover::Drain{
        .shard = shard,
        .age_milliseconds = milliseconds_of(wall - drain.since),
        .rooms_at_start = drain.rooms_at_start,
        .has_deadline = drain.deadline.has_value(),
        .milliseconds_left = drain.deadline ? milliseconds_of(*drain.deadline - now) : 0,
        .empty = drain.empty,
    });
  });
}

void Upgrade::begin_asking() {
  stage_ = Stage::asking;
  changes_sent_ = false;
  changed_holds_.clear();
  asking_ = std::make_unique<Asking>(
      gate_.runtime_, [this](const std::string& key) { holds_changed(key); },
      gate_.patience_with_successor());
  asking_->send_by([this](const handover::Ask& ask) { successor_->link->send(ask); });
  gate_.runtime_.control().schedule(out_of_patience_, Clock::now() + limits_.patience);
  gate_.runtime_.on_each([this](net::Core& core) { gate_.workers_[core.index()]->set_guide(asking_.get()); },
                         [this, number = handover_] {
                           if (number != handover_) return;
                           // Its place among the front doors is ours until we have left it.
                           gate_.leave_peers([this, number] {
                             if (number == handover_) gather_changes();
                           });
                         });
}

void Upgrade::gather_changes() {
  // Times of last use are exact to a second; an operator's move leaves none, nor does what other front doors
  // have decided.
  const auto since = image_began_ - seconds(2);
  const bool all = gate_.cluster_ != nullptr;
  make_image(
      [since, all](const stick::Entry& entry) {
        return all || entry.last_used >= since || entry.created >= since ||
               entry.origin == stick::Origin::moved;
      },
      [this](std::string image) { send_changes(std::move(image)); });
}

void Upgrade::send_changes(std::string image) {
  send_words();
  successor_->link->send_table(std::move(image));
  successor_->link->send(handover::Go{});
  changes_sent_ = true;
  for (const std::string& key : std::exchange(changed_holds_, {})) report(key);
}

void Upgrade::abandon(std::string_view why) {
  if (stage_ != Stage::offering && stage_ != Stage::asking) return;
  // Told to go, and not heard of since: it might begin to serve at any moment, and there must not be two.
  if (changes_sent_ && successor_->link->open()) ::kill(successor_->link->peer().pid, SIGKILL);
  successor_->link->send(handover::Refused{std::string(why)});
  LOG(error, "upgrade_failed", {"error", why}, {"new_pid", successor_->link->peer().pid},
      {"serving", "this process goes on"});
  gate_.metrics_.upgrades.with({"failed"}).add();
  out_of_patience_.cancel();
  stage_ = Stage::serving;
  ++handover_;
  changes_sent_ = false;
  remove(*successor_);
  if (asking_ == nullptr) return;
  gate_.rejoin_peers();
  asking_->give_up();
  // Kept for those who are about to ask: there is nobody, they decide themselves.
  gate_.runtime_.on_each([this](net::Core& core) { gate_.workers_[core.index()]->set_guide(nullptr); },
                         [kept = std::shared_ptr<Asking>(std::move(asking_))] {});
}

void Upgrade::leave() {
  out_of_patience_.cancel();
  stage_ = Stage::left;
  socket_ = next_socket_;
  for (Other& other : others_) {
    if (other.role == Other::Role::elder) other.link->send(handover::Follow{socket_});
  }
  if (acceptor_ != nullptr) acceptor_->leave();
  report_at_ = Clock::now() + limits_.report;
  // Said when it is true: whoever connects from then on connects to the new process.
  gate_.leave([this, new_pid = successor_->link->peer().pid] {
    LOG(info, "upgrade_left", {"new_pid", new_pid}, {"connections_left", gate_.admission_.inside()},
        {"grace_seconds", std::chrono::duration_cast<seconds>(gate_.options_.upgrade_grace).count()});
  });
}

// --- once we have left

void Upgrade::holds_changed(const std::string& key) {
  if (stage_ == Stage::asking && !changes_sent_) {
    changed_holds_.insert(key);
  } else if (stage_ == Stage::asking || stage_ == Stage::left) {
    report(key);
  }
}

void Upgrade::report(const std::string& key) {
  if (successor_ == nullptr) return;
  const auto entry = gate_.table_.peek(key);
  const handover::Holds holds{key, entry ? entry->holds : 0};
  successor_->link->send(holds);
  for (Other& other : others_) {
    if (other.role == Other::Role::next) other.link->send(holds);
  }
}

void Upgrade::learn_address(const handover::Answer& answer) {
  if (answer.shard.empty()) return;
  const balance::Shard* known = gate_.shards_->by_name(answer.shard);
  if (known != nullptr && !known->addresses.empty() && known->addresses.front() == answer.address) return;
  learnt_[answer.shard] = {answer.address, answer.tls};
  gate_.publish_shards();
}

void Upgrade::add_learnt(std::vector<balance::Shard>& shards) const {
  for (const auto& [name, where] : learnt_) {
    const auto known =
        std::find_if(shards.begin(), shards.end(),
                     [&name = name](const balance::Shard& shard) { return shard.name == name; });
    if (known != shards.end()) {
      known->addresses = {where.first};
      continue;
    }
    balance::Shard shard;
    shard.id = gate_.names_.id_of(name);
    shard.name = name;
    // With TLS we know neither its authorities nor its name: then it is known by name only.
    if (!where.second) shard.addresses = {where.first};
    shards.push_back(std::move(shard));
  }
}

void Upgrade::come_to(const std::string& socket) {
  const auto connection = handover::connect_to(socket);
  if (!connection) {
    if (reconnect_at_ == TimePoint::max()) reconnect_at_ = Clock::now() + limits_.reconnect;
    // Nobody serves: a request that still comes is better served by us than not at all.
    if (successor_ == nullptr && asking_ != nullptr) asking_->give_up();
    return;
  }
  reconnect_at_ = TimePoint::max();
  Other& other = add(Other::Role::next);
  other.link = std::make_unique<Link>(gate_.runtime_.control(), *connection, listener_of(other));
  other.link->start();
  other.link->send(handover::Hello{.role = handover::Hello::Role::left, .gate = gate_.options_.name});
  gate_.table_.for_each([&other](std::string_view key, const stick::Entry& entry) {
    if (entry.holds > 0) other.link->send(handover::Holds{std::string(key), entry.holds});
  });
  other.link->send(handover::Reported{});
}

void Upgrade::connected(Other& other) {
  LOG(info, "upgrade_reporting_to", {"pid", other.link->peer().pid});
  if (successor_ != nullptr) remove(*successor_);
  other.role = Other::Role::successor;
  successor_ = &other;
  asking_->send_by([this](const handover::Ask& ask) { successor_->link->send(ask); });
}

void Upgrade::lost() {
  LOG(warn, "upgrade_serving_process_lost", {"connections_here", gate_.admission_.inside()},
      {"next", "looked for once a second at " + socket_});
  asking_->send_by({});
  come_to(socket_);
}

}  // namespace roomgate::router::gate
