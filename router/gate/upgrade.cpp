#include "router/gate/upgrade.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "router/gate/gate.hpp"
#include "router/session/decide.hpp"

namespace roomgate::router::gate {

using handover::Link;
using handover::Message;

namespace {

// Its views point into `ask`.
route::Request request_of(const handover::Ask& ask, const route::Bans* bans) {
  route::Request request;
  request.path.kind = static_cast<room::PathKind>(ask.kind);
  request.path.shard = ask.shard;
  request.key = ask.key;
  request.region = ask.region;
  request.query = ask.query;
  request.bans = bans;
  request.turn = ask.number;
  return request;
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
  others_.back().number = next_other_++;
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
        reply(other, std::move(*ask));
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

void Upgrade::reply(Other& elder, handover::Ask ask) {
  const bool whole = ask.kind <= static_cast<std::uint8_t>(room::PathKind::refused);
  if (!whole || !route::is_about_a_room(request_of(ask, nullptr))) {
    handover::Answer refusal{.number = ask.number};
    refusal.refusal = static_cast<std::uint8_t>(http::Reason::bad_request);
    return elder.link->send(refusal);
  }
  if (gate_.cluster_ == nullptr) return elder.link->send(answer(ask));
  gate_.runtime_.control().spawn(answer_agreed(elder.number, std::move(ask)));
}

handover::Answer Upgrade::answer(const handover::Ask& ask) {
  const auto decision = route::route(request_of(ask, gate_.bans_.get()), gate_.table_, *gate_.shards_,
                                     *gate_.policy_, gate_.options_.session.route, Clock::now());
  return answer_of(ask, decision);
}

net::Task<void> Upgrade::answer_agreed(std::uint64_t elder, handover::Ask ask) {
  // As they are now; a reload may come while the others are asked.
  const route::Settings settings = gate_.options_.session.route;
  const auto bans = gate_.bans_;
  const session::Ground ground{gate_.table_, gate_.shards_, settings, &gate_.cluster_->arbiter()};
  const route::Request request = request_of(ask, bans.get());
  const auto decided = co_await session::decide(gate_.runtime_.control(), ground, request);
  const auto answer = answer_of(ask, decided.decision);
  for (Other& other : others_) {
    if (other.number == elder) other.link->send(answer);
  }
}

handover::Answer Upgrade::answer_of(const handover::Ask& ask, const route::Decision& decision) {
  handover::Answer answer{.number = ask.number};
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

}  // namespace roomgate::router::gate
