#include "router/gate/upgrade.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/gate/notify.hpp"
#include "router/stick/image.hpp"

extern char** environ;

namespace roomgate::router::gate {

using handover::Link;
using handover::Message;

namespace {

constexpr auto kLongest = std::chrono::hours(24 * 366 * 10);

// As Drain has lengths of time, bounded both ways.
template <class Length>
std::uint64_t milliseconds_of(Length length) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(length).count()));
}
Duration length_of(std::uint64_t count) {
  constexpr auto kMost = static_cast<std::uint64_t>(milliseconds(kLongest).count());
  return milliseconds(static_cast<std::int64_t>(std::min(count, kMost)));
}

}  // namespace

Upgrade::Upgrade(Gate& gate, std::vector<std::string> command)
    : gate_(gate), command_(std::move(command)), out_of_patience_([this] { abandon("it took too long"); }) {}

Upgrade::~Upgrade() {
  if (image_maker_.joinable()) image_maker_.join();
}

Result<void, std::string> Upgrade::open(handover::Inheritance* inherited) {
  socket_ = gate_.options_.upgrade_socket;
  if (socket_.empty()) return {};
  int descriptor = -1;
  if (inherited != nullptr) {
    for (const int each : inherited->take(handover::Descriptor::Kind::upgrade_socket, socket_))
      descriptor = each;
  }
  if (descriptor < 0) {
    const auto opened = net::open_unix_listener(socket_);
    if (!opened) return fail(opened.error());
    descriptor = *opened;
  }
  acceptor_ = std::make_unique<net::Acceptor>(gate_.runtime_.control(), descriptor, on_accept());
  return {};
}

net::Acceptor::OnAccept Upgrade::on_accept() {
  return [this](int connection, const Address&) { receive(connection); };
}

Result<std::unique_ptr<net::Acceptor>, std::string> Upgrade::prepare_socket(const std::string& socket) {
  if (socket.empty() || socket == socket_) return std::unique_ptr<net::Acceptor>();
  const auto opened = net::open_unix_listener(socket);
  if (!opened) return fail(opened.error());
  return std::make_unique<net::Acceptor>(gate_.runtime_.control(), *opened, on_accept());
}

void Upgrade::use_socket(std::unique_ptr<net::Acceptor> acceptor, const std::string& socket) {
  if (socket == socket_) return;
  std::erase_if(stopped_, [](const auto& each) { return each->ended(); });
  if (acceptor_ != nullptr) {
    acceptor_->stop();
    ::unlink(socket_.c_str());
    stopped_.push_back(std::move(acceptor_));
  }
  acceptor_ = std::move(acceptor);
  socket_ = socket;
  serve();
  // Old processes come to us anew, so that they know where.
  for (Other& other : others_) {
    if (other.role == Other::Role::elder && acceptor_ != nullptr) other.link->send(handover::Follow{socket_});
  }
}

void Upgrade::serve() {
  if (acceptor_ != nullptr) acceptor_->start();
}

void Upgrade::every_second(TimePoint now) {
  if (asking_ != nullptr) asking_->forget_late(now);
  if (child_ > 0) {
    int status = 0;
    if (::waitpid(child_, &status, WNOHANG) == child_) {
      if (stage_ != Stage::left) {
        LOG(error, "upgrade_failed",
            {"error", "the new process ended before it was ready; its own lines say why"},
            {"exit", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status)},
            {"serving", "this process goes on"});
      }
      child_ = -1;
    }
  }
  for (auto it = others_.begin(); it != others_.end();) {
    Other& other = *it++;
    if (other.role == Other::Role::stranger && now - other.since > limits_.patience) remove(other);
  }
  if (stage_ != Stage::left) return;
  if (now >= reconnect_at_) {
    reconnect_at_ = now + limits_.reconnect;
    come_to(socket_);
  }
  if (now >= report_at_) {
    report_at_ = now + limits_.report;
    LOG(info, "upgrade_leaving", {"connections_left", gate_.admission_.inside()},
        {"ends_in_seconds", std::chrono::duration_cast<seconds>(gate_.end_at_ - now).count()});
  }
}

void Upgrade::end_old_processes() {
  for (Other& other : others_) {
    if (other.role == Other::Role::elder) other.link->send(handover::End{});
  }
}

void Upgrade::stop() {
  if (acceptor_ == nullptr || stage_ == Stage::left) return;
  acceptor_->stop();
  ::unlink(socket_.c_str());
}

std::size_t Upgrade::old_processes() const {
  return static_cast<std::size_t>(std::count_if(
      others_.begin(), others_.end(), [](const Other& other) { return other.role == Other::Role::elder; }));
}

void Upgrade::close_tunnels(std::string_view key, std::string_view shard, Duration window) {
  const auto over = std::chrono::duration_cast<milliseconds>(window).count();
  const handover::CloseTunnels words{std::string(key), std::string(shard), static_cast<std::uint32_t>(over)};
  for (Other& other : others_) {
    if (other.role == Other::Role::elder) other.link->send(words);
  }
}

// --- whoever connects

void Upgrade::receive(int descriptor) {
  const auto peer = handover::peer_of(descriptor);
  const auto strangers = std::count_if(
      others_.begin(), others_.end(), [](const Other& other) { return other.role == Other::Role::stranger; });
  if (!peer || peer->uid != ::geteuid() || static_cast<std::size_t>(strangers) >= limits_.strangers) {
    LOG(warn, "upgrade_refused", {"because", "it is another user's process, or too many come at once"},
        {"pid", peer ? peer->pid : 0}, {"uid", peer ? peer->uid : 0});
    ::close(descriptor);
    return;
  }
  Other& other = add(Other::Role::stranger);
  other.link = std::make_unique<Link>(gate_.runtime_.control(), descriptor, listener_of(other));
  other.link->start();
}

Upgrade::Other& Upgrade::add(Other::Role role) {
  others_.emplace_back();
  others_.back().role = role;
  others_.back().since = Clock::now();
  return others_.back();
}

Link::Listener Upgrade::listener_of(Other& other) {
  return {.on_message = [this, &other](Message message) { on_message(other, std::move(message)); },
          .on_end = [this, &other](std::string_view why) { on_end(other, why); }};
}

void Upgrade::remove(Other& other) {
  if (successor_ == &other) successor_ = nullptr;
  if (predecessor_ == &other) predecessor_ = nullptr;
  release(other);
  others_.remove_if([&other](const Other& each) { return &each == &other; });
}

void Upgrade::on_message(Other& other, Message message) {
  if (auto* hello = std::get_if<handover::Hello>(&message);
      hello != nullptr && other.role == Other::Role::stranger) {
    if (hello->role == handover::Hello::Role::successor) return offer(other);
    other.role = Other::Role::elder;
    LOG(info, "old_process_reports", {"pid", other.link->peer().pid});
    return;
  }
  switch (other.role) {
    case Other::Role::stranger: return remove(other);
    case Other::Role::elder:
      if (auto* ask = std::get_if<handover::Ask>(&message)) {
        // Until we have all of the table, an answer would be a guess.
        if (go_) return early_.push_back(std::move(*ask));
        other.link->send(answer(*ask));
      } else if (auto* holds = std::get_if<handover::Holds>(&message)) {
        set_holds(other, holds->key, holds->count);
      } else if (std::holds_alternative<handover::Reported>(message)) {
        other.link->send(handover::Welcome{});
      } else if (auto* word = std::get_if<handover::ShardWord>(&message)) {
        take_word(*word);
      } else if (auto* drain = std::get_if<handover::Drain>(&message)) {
        take_drain(*drain);
      } else if (auto* ban = std::get_if<handover::Ban>(&message)) {
        take_ban(*ban);
      } else if (auto* piece = std::get_if<handover::Table>(&message)) {
        changes_ += piece->bytes;
      } else if (std::holds_alternative<handover::Go>(message)) {
        on_go();
      } else if (auto* refused = std::get_if<handover::Refused>(&message)) {
        if (failed_) std::exchange(failed_, {})(refused->reason);
      }
      return;
    case Other::Role::successor:
    case Other::Role::next:
      if (auto* prepared = std::get_if<handover::Prepared>(&message)) {
        next_socket_ = std::move(prepared->upgrade_socket);
        if (stage_ == Stage::offering) begin_asking();
      } else if (std::holds_alternative<handover::Serving>(message)) {
        if (stage_ == Stage::asking) leave();
      } else if (auto* told = std::get_if<handover::Answer>(&message)) {
        learn_address(*told);
        if (asking_ != nullptr) asking_->answer(*told);
      } else if (std::holds_alternative<handover::Welcome>(message)) {
        if (other.role == Other::Role::next) connected(other);
      } else if (auto* follow = std::get_if<handover::Follow>(&message)) {
        socket_ = std::move(follow->upgrade_socket);
        // Until the next one knows what we hold, this one goes on holding it.
        if (asking_ != nullptr) asking_->send_by({});
        come_to(socket_);
      } else if (auto* close = std::get_if<handover::CloseTunnels>(&message)) {
        gate_.send_away(
            {.left = {{close->key, close->shard}}, .window = milliseconds(close->window_milliseconds)});
      } else if (std::holds_alternative<handover::End>(message)) {
        if (stage_ == Stage::left) gate_.on_signal(SIGTERM);
      } else if (auto* refused = std::get_if<handover::Refused>(&message)) {
        abandon(refused->reason);
      }
      return;
  }
}

void Upgrade::on_end(Other& other, std::string_view why) {
  switch (other.role) {
    case Other::Role::stranger: break;
    case Other::Role::elder:
      if (predecessor_ == &other && failed_) {
        std::exchange(failed_, {})("the process that serves " + std::string(why));
        return;
      }
      LOG(info, "old_process_gone", {"rooms_it_held", other.holds.size()});
      break;
    case Other::Role::successor:
      if (stage_ != Stage::left) return abandon(why);
      remove(other);
      return lost();
    case Other::Role::next: reconnect_at_ = Clock::now() + limits_.reconnect; break;
  }
  remove(other);
}

// --- rooms of an old process

void Upgrade::set_holds(Other& elder, std::string_view key, std::uint32_t count) {
  auto found = elder.holds.find(key);
  if (found == elder.holds.end()) {
    if (count == 0) return;
    found = elder.holds.emplace(std::string(key), Other::Hold()).first;
  }
  Other::Hold& hold = found->second;
  const auto now = Clock::now();
  while (hold.count < count) {
    const auto held = gate_.table_.hold(key, now);
    if (!held.known) break;
    // Forgotten meanwhile, and made anew: what we held is gone.
    if (held.serial != hold.serial) hold = {held.serial, 0};
    ++hold.count;
  }
  for (; hold.count > count; --hold.count) (void)gate_.table_.unhold(key, hold.serial, now);
  if (hold.count == 0) elder.holds.erase(found);
  // What it holds with us, we hold with whoever has taken over from us.
  if (asking_ != nullptr) holds_changed(std::string(key));
}

void Upgrade::release(Other& elder) {
  const auto now = Clock::now();
  for (const auto& [key, hold] : elder.holds) {
    for (std::uint32_t i = 0; i < hold.count; ++i) (void)gate_.table_.unhold(key, hold.serial, now);
    if (asking_ != nullptr) holds_changed(key);
  }
  elder.holds.clear();
}

handover::Answer Upgrade::answer(const handover::Ask& ask) {
  handover::Answer answer{.number = ask.number};
  route::Request request;
  request.path.kind = static_cast<room::PathKind>(ask.kind);
  request.path.shard = ask.shard;
  request.key = ask.key;
  request.region = ask.region;
  request.query = ask.query;
  request.bans = gate_.bans_.get();
  request.turn = ask.number;
  if (ask.kind > static_cast<std::uint8_t>(room::PathKind::refused) || !route::is_about_a_room(request)) {
    answer.refusal = static_cast<std::uint8_t>(http::Reason::bad_request);
    return answer;
  }
  const auto decision = route::route(request, gate_.table_, *gate_.shards_, *gate_.policy_,
                                     gate_.options_.session.route, Clock::now());
  answer.refusal = static_cast<std::uint8_t>(decision.answer);
  if (decision.shard == nullptr) return answer;
  answer.shard = decision.shard->name;
  answer.address = decision.shard->addresses.front();
  answer.tls = decision.shard->tls != nullptr;
  answer.why = static_cast<std::uint8_t>(decision.why);
  answer.sticky = decision.sticky;
  if (decision.why == route::Why::fresh) {
    gate_.metrics_.assignments.with({answer.shard, "new"}).add();
    LOG(info, "room_assigned", {"room", ask.key}, {"shard", answer.shard}, {"asked_by", "the old process"});
  }
  if (const auto entry = gate_.table_.peek(ask.key)) {
    answer.provisional = entry->provisional;
    answer.generation = entry->generation;
  }
  return answer;
}

// --- taking over

Result<void, std::string> Upgrade::take(handover::Inheritance& inherited) {
  if (auto keys = tls::TicketKeys::from_bytes(inherited.ticket_keys())) {
    gate_.tickets_ = std::make_shared<const tls::TicketKeys>(std::move(*keys));
  }
  for (const auto& word : inherited.words()) take_word(word);
  for (const auto& drain : inherited.drains()) take_drain(drain);
  for (const auto& ban : inherited.bans()) take_ban(ban);
  predecessor_ = &add(Other::Role::elder);
  const std::string image = inherited.take_table();
  const auto restored = stick::restore(
      gate_.table_, as_bytes(image), [this](std::string_view name) { return gate_.names_.id_of(name); },
      {.now = Clock::now(),
       .held = [this](std::string_view key, std::uint32_t holds) { set_holds(*predecessor_, key, holds); }});
  if (!restored)
    return fail("the room table that was handed over: " + std::string(to_text(restored.error())));
  LOG(info, "upgrade_table_taken", {"rooms", restored->taken}, {"left_out", restored->left_out},
      {"held", predecessor_->holds.size()}, {"from_pid", inherited.from().pid});
  return {};
}

void Upgrade::take_found(const handover::Inheritance& inherited) {
  std::map<std::string, std::vector<directory::Endpoint>> found;
  for (const auto& each : inherited.found()) {
    directory::Endpoint endpoint{.name = each.name, .address = each.address, .weight = std::nullopt};
    if (each.weighted) endpoint.weight = each.weight;
    found[each.question].push_back(std::move(endpoint));
  }
  for (auto& [question, endpoints] : found) {
    (void)gate_.directory_.set_found(question, std::move(endpoints), Clock::now());
  }
}

void Upgrade::take_word(const handover::ShardWord& word) {
  const auto state = balance::parse_shard_state(word.state);
  if (state) gate_.directory_.set_words({{word.shard, {*state, word.version}}});
}

void Upgrade::take_drain(const handover::Drain& drain) {
  using Wall = std::chrono::system_clock;
  directory::Drains::Drain taken;
  taken.since = Wall::now() - std::chrono::duration_cast<Wall::duration>(length_of(drain.age_milliseconds));
  taken.rooms_at_start = drain.rooms_at_start;
  if (drain.has_deadline) taken.deadline = Clock::now() + length_of(drain.milliseconds_left);
  taken.empty = drain.empty;
  gate_.drains_.take(drain.shard, taken);
}

void Upgrade::take_ban(const handover::Ban& ban) {
  if (ban.kind > static_cast<std::uint8_t>(route::Ban::Kind::tenant)) return;
  const route::Ban taken{.kind = static_cast<route::Ban::Kind>(ban.kind),
                         .text = ban.text,
                         .status = static_cast<int>(ban.status)};
  auto& bans = gate_.operator_bans_;
  std::erase_if(
      bans, [&taken](const route::Ban& each) { return each.kind == taken.kind && each.text == taken.text; });
  if (bans.size() < route::Bans::kMost) bans.push_back(taken);
}

void Upgrade::prepared(handover::Inheritance& inherited, std::function<void()> go,
                       std::function<void(std::string_view)> failed) {
  go_ = std::move(go);
  failed_ = std::move(failed);
  predecessor_->link = inherited.link(gate_.runtime_.control(), listener_of(*predecessor_));
  predecessor_->link->start();
  predecessor_->link->send(handover::Prepared{socket_});
}

void Upgrade::on_go() {
  if (!go_) return;
  failed_ = {};
  const auto restored = stick::restore(
      gate_.table_, as_bytes(changes_), [this](std::string_view name) { return gate_.names_.id_of(name); },
      {.now = Clock::now(),
       .held = [this](std::string_view key, std::uint32_t holds) { set_holds(*predecessor_, key, holds); }});
  changes_ = std::string();
  if (!restored) LOG(error, "upgrade_table_changes_refused", {"error", to_text(restored.error())});
  // Operators' words may have changed as well.
  gate_.publish_shards();
  gate_.publish_bans();
  std::exchange(go_, {})();
  for (const auto& ask : std::exchange(early_, {})) predecessor_->link->send(answer(ask));
}

void Upgrade::serving() {
  if (predecessor_ == nullptr) return;
  predecessor_->link->send(handover::Serving{});
  gate_.metrics_.upgrades.with({"ok"}).add();
  LOG(info, "upgrade_done", {"rooms", gate_.table_.size()},
      {"held_by_old_process", predecessor_->holds.size()}, {"old_pid", predecessor_->link->peer().pid});
}

// --- being taken over

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
    link.send(handover::ShardWord{shard, std::string(balance::to_text(word.state)), word.version});
  }
  send_drains();
  for (const route::Ban& ban : gate_.operator_bans_) {
    link.send(
        handover::Ban{static_cast<std::uint8_t>(ban.kind), ban.text, static_cast<std::uint32_t>(ban.status)});
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
  asking_ = std::make_unique<Asking>(gate_.runtime_, [this](const std::string& key) { holds_changed(key); });
  asking_->send_by([this](const handover::Ask& ask) { successor_->link->send(ask); });
  gate_.runtime_.control().schedule(out_of_patience_, Clock::now() + limits_.patience);
  gate_.runtime_.on_each([this](net::Core& core) { gate_.workers_[core.index()]->guide = asking_.get(); },
                         [this, number = handover_] {
                           if (number != handover_) return;
                           // Times of last use are exact to a second; an operator's move leaves none.
                           const auto since = image_began_ - seconds(2);
                           make_image(
                               [since](const stick::Entry& entry) {
                                 return entry.last_used >= since || entry.created >= since ||
                                        entry.origin == stick::Origin::moved;
                               },
                               [this](std::string image) { send_changes(std::move(image)); });
                         });
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
  asking_->give_up();
  // Kept for those who are about to ask: there is nobody, they decide themselves.
  gate_.runtime_.on_each([this](net::Core& core) { gate_.workers_[core.index()]->guide = nullptr; },
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
