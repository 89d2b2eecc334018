#include "peers-sync/mesh/mesh.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/net/sleep.hpp"
#include "base/random.hpp"

namespace roomgate::peers_sync::mesh {

using net::Task;

namespace {

std::string_view to_text(PeerKind kind) {
  switch (kind) {
    case PeerKind::unknown: return "unknown";
    case PeerKind::gate: return "gate";
    case PeerKind::haproxy: return "haproxy";
  }
  return "unknown";
}

Task<void> keep_until_ended(net::Core& core, std::unique_ptr<net::Acceptor> acceptor) {
  while (!acceptor->ended()) co_await net::yield(core);
}

bool same_host(const Address& a, const Address& b) { return a.with_port(0) == b.with_port(0); }

}  // namespace

Mesh::Mesh(net::Core& core, Options options, haproxy::Tables& tables, Listener& listener)
    : core_(core), options_(std::move(options)), tables_(tables), listener_(listener), random_(random_u64()) {
  set_members();
}

Mesh::~Mesh() { stop(); }

// --- Beginning, reload, end.

Result<void, std::string> Mesh::start() {
  auto acceptor = listen(options_.address);
  if (!acceptor) return fail(acceptor.error());
  acceptor_ = std::move(acceptor).value();
  acceptor_->start();
  if (options_.tls == nullptr) {
    LOG(warn, "peers_without_tls", {"address", acceptor_->descriptor() < 0 ? "" : address()->to_string()},
        {"why", "whoever can send from a peer's address is taken for it"});
  }
  started_ = true;
  begin_seeking();
  for (auto& [name, peer] : peers_) dial_in(peer, options_.limits.first_dial);
  set_timer();
  return {};
}

Result<void, std::string> Mesh::set_options(Options options) {
  if (stopped_) return {};
  if (started_ && acceptor_ != nullptr && !(options.address == options_.address)) {
    auto acceptor = listen(options.address);
    if (!acceptor) return fail(acceptor.error());
    stop_listening();
    acceptor_ = std::move(acceptor).value();
    acceptor_->start();
  }
  const bool seeks_elsewhere =
      options.discover_srv != options_.discover_srv || !(options.dns == options_.dns);
  options.name = options_.name;
  options.life = options_.life;
  options_ = std::move(options);
  if (seeks_elsewhere) {
    seeker_.reset();
    found_.clear();
    if (started_) begin_seeking();
  }
  set_members();
  return {};
}

Result<std::unique_ptr<net::Acceptor>, std::string> Mesh::listen(const Address& address) {
  const auto descriptor = net::open_listener(address, false);
  if (!descriptor) return fail(descriptor.error());
  return std::make_unique<net::Acceptor>(
      core_, *descriptor, [this](int accepted, const Address& from) { accept(accepted, from); });
}

void Mesh::set_life(std::uint64_t life) {
  options_.life = life;
  for (auto& [name, peer] : peers_) {
    const bool spoken_to = peer.active != nullptr;
    close_sessions(peer);
    if (spoken_to) listener_.lost(name);
    dial_in(peer, Duration::zero());
  }
  set_timer();
}

void Mesh::stop_listening() {
  if (acceptor_ == nullptr) return;
  acceptor_->stop();
  core_.spawn(keep_until_ended(core_, std::move(acceptor_)));
}

void Mesh::stop() {
  if (stopped_) return;
  stopped_ = true;
  cancel();
  seeker_.reset();
  stop_listening();
  for (const auto& link : strangers_) link->close();
  strangers_.clear();
  for (auto& [name, peer] : peers_) close_sessions(peer);
}

void Mesh::begin_seeking() {
  if (options_.discover_srv.empty()) return;
  seeker_ = std::make_unique<Seeker>(core_,
                                     Seeker::Options{.own_name = options_.name,
                                                     .srv = options_.discover_srv,
                                                     .dns = options_.dns,
                                                     .limits = options_.limits.seeker},
                                     [this](const std::vector<Member>& members) {
                                       found_ = members;
                                       set_members();
                                     });
}

void Mesh::set_members() {
  std::map<std::string, const Member*> wanted;
  const auto add = [&](const std::vector<Member>& members) {
    for (const Member& member : members) {
      if (member.name == options_.name || member.addresses.empty()) continue;
      if (wanted.size() < options_.limits.members) wanted.emplace(member.name, &member);
    }
  };
  add(options_.members);  // before what DNS says of the same name
  add(found_);

  bool changed = false;
  for (auto at = peers_.begin(); at != peers_.end();) {
    at->second.listed = wanted.contains(at->first);
    const bool by_dns = options_.discover_srv.empty() == false;
    // DNS lists who is ready, and a gate may not be ready for a moment. A session that is open says more.
    const bool goes = !at->second.listed && (!by_dns || at->second.open.empty());
    changed = changed || goes;
    at = goes ? forget(at) : std::next(at);
  }
  for (const auto& [name, member] : wanted) {
    const auto [at, added] = peers_.try_emplace(name);
    Peer& peer = at->second;
    changed = changed || added;
    const bool elsewhere = !(peer.member == *member);
    if (!elsewhere) continue;
    peer.member = *member;
    peer.next_address = 0;
    dial_in(peer, options_.limits.first_dial);
  }
  if (changed) listener_.gates_changed();
  set_timer();
}

// Its sessions end, and what it was to the gates as well.
Mesh::Peers::iterator Mesh::forget(Peers::iterator at) {
  const std::string name = at->first;
  const bool spoken_to = at->second.active != nullptr;
  close_sessions(at->second);
  const auto next = peers_.erase(at);
  if (spoken_to) listener_.lost(name);
  return next;
}

void Mesh::close_sessions(Peer& peer) {
  peer.active = nullptr;
  for (const auto& link : peer.open) link->close();
  peer.open.clear();
  if (peer.dial != nullptr) std::exchange(peer.dial, nullptr)->close();
}

// --- Who comes in.

void Mesh::accept(int descriptor, const Address& from) {
  if (stopped_) {
    ::close(descriptor);
    return;
  }
  ++counters_.accepted;
  if (!admits(from)) {
    ++counters_.not_allowed;
    LOG(warn, "peer_not_allowed", {"address", from.to_string()});
    ::close(descriptor);
    if (seeker_ != nullptr) seeker_->ask_now();
    return;
  }
  if (strangers_.size() >= options_.limits.strangers) {
    ++counters_.crowded_out;
    strangers_.front()->close();
    strangers_.pop_front();
  }
  strangers_.push_back(Link::take(parts_for("", 1), descriptor, from));
}

bool Mesh::admits(const Address& from) const {
  if (!options_.allow.empty()) return options_.allow.contains(from);
  return std::any_of(peers_.begin(), peers_.end(), [&from](const auto& entry) {
    const auto& addresses = entry.second.member.addresses;
    return std::any_of(addresses.begin(), addresses.end(),
                       [&from](const Address& address) { return same_host(address, from); });
  });
}

// The one place where a peer is let in or not, by its name. A status other than 200 is for good: a HAProxy
// that has got one does not come again. So it is for what only people can mend; all else is just closed.
std::optional<codec::Status> Mesh::judge(Link& link, const Session::Peer& who) {
  if (stopped_) return std::nullopt;
  if (who.local || who.name == options_.name) {
    ++counters_.ourselves;
    LOG(warn, "peer_has_our_name", {"address", link.address().to_string()}, {"name", who.name});
    return codec::Status::unknown_peer;
  }
  const auto found = peers_.find(who.name);
  if (found == peers_.end()) {
    ++counters_.unknown;
    LOG(warn, "peer_unknown", {"address", link.address().to_string()}, {"name", who.name});
    if (seeker_ == nullptr) return codec::Status::unknown_peer;
    seeker_->ask_now();
    return std::nullopt;
  }
  if (!link.shows(who.name)) {
    ++counters_.tls;
    LOG(warn, "peer_certificate_of_another", {"address", link.address().to_string()}, {"name", who.name});
    return std::nullopt;
  }
  const Peer& peer = found->second;
  // A process that was there before the one we speak with.
  if (who.gate && peer.active != nullptr && who.life < peer.life) return std::nullopt;
  return codec::Status::accepted;
}

// --- Sessions that opened.

void Mesh::opened(Link& link, const Session::Peer&) {
  const auto found = peers_.find(link.peer_name());
  if (found == peers_.end()) return link.close();
  joined(found->first, found->second, link);
}

void Mesh::recognised(Link& link, const Session::Peer& gate) {
  const auto found = peers_.find(link.peer_name());
  if (found != peers_.end()) as_gate(found->first, found->second, link, gate.life);
}

void Mesh::taken_for_haproxy(Link& link) {
  const auto found = peers_.find(link.peer_name());
  if (found == peers_.end()) return;
  auto& [name, peer] = *found;
  if (peer.active == nullptr) return as_haproxy(peer, link);
  // A gate has that name, and is here: somebody else only says that it is this one.
  ++counters_.impostors;
  LOG(warn, "peer_is_a_gate", {"peer", name}, {"address", link.address().to_string()});
  link.close();
  std::erase_if(peer.open, [&](const auto& each) { return each.get() == &link; });
}

// From whoever was only trying to the sessions of its peer.
void Mesh::joined(const std::string& name, Peer& peer, Link& link) {
  if (peer.dial.get() == &link) {
    peer.open.push_back(std::move(peer.dial));
    peer.dial = nullptr;
  } else {
    const auto stranger = std::find_if(strangers_.begin(), strangers_.end(),
                                       [&link](const auto& each) { return each.get() == &link; });
    if (stranger == strangers_.end()) return;
    peer.open.push_back(std::move(*stranger));
    strangers_.erase(stranger);
  }
  ++peer.sessions;
  peer.failed = false;
  if (peer.open.size() == 1) peer.up_since = core_.now();
  LOG(info, "peer_session", {"peer", name}, {"address", link.address().to_string()},
      {"by", link.dialled() ? "us" : "it"});
}

void Mesh::became(Peer& peer, PeerKind kind) {
  if (peer.kind == kind) return;
  // Whether it may be a gate is what others want to know.
  const bool news = (peer.kind == PeerKind::haproxy) != (kind == PeerKind::haproxy);
  peer.kind = kind;
  if (news) listener_.gates_changed();
}

void Mesh::as_haproxy(Peer& peer, const Link& newest) {
  became(peer, PeerKind::haproxy);
  if (newest.dialled()) return;
  // Facts, section 1: at its side the older sessions are gone. Only two hellos that crossed leave open which
  // of them it took last; it ends the other itself.
  std::erase_if(peer.open, [&](const auto& link) {
    const bool over =
        link.get() != &newest && (!link->dialled() || core_.now() - link->begin() > options_.limits.crossing);
    if (over) link->close();
    return over;
  });
  dial_in(peer, peer.backoff.after_replaced(chance()));
}

void Mesh::as_gate(const std::string& name, Peer& peer, Link& link, std::uint64_t life) {
  became(peer, PeerKind::gate);
  if (peer.active != nullptr && peer.life != life) {
    if (life < peer.life) {
      std::erase_if(peer.open, [&](const auto& each) { return each.get() == &link; });
      return link.close();
    }
    // It has begun anew: sessions with the life before lead nowhere.
    std::erase_if(peer.open, [&](const auto& each) {
      if (each.get() == &link) return false;
      each->close();
      return true;
    });
    peer.active = nullptr;
    listener_.lost(name);
  }
  peer.life = life;
  choose(name, peer);
}

// The session that stays; the others are done with.
void Mesh::choose(const std::string& name, Peer& peer) {
  Link* best = nullptr;
  for (const auto& link : peer.open) {
    if (!link->open() || link->retiring() || !link->session()->peer().gate) continue;
    if (best == nullptr || stays(name, *link) || !stays(name, *best)) best = link.get();
  }
  if (best == nullptr) return;
  for (const auto& link : peer.open) {
    if (link.get() != best && link->session()->peer().gate) link->retire();
  }
  // One that has said hello may be open at the other side already, with something on its way to us: it opens,
  // and is retired then.
  const bool in_vain = stays(name, *best) && peer.dial != nullptr && peer.dial->session() == nullptr;
  if (in_vain) std::exchange(peer.dial, nullptr)->close();
  const bool first = peer.active == nullptr;
  peer.active = best;
  if (first) listener_.connected(name, peer.life);
}

bool Mesh::stays(const std::string& name, const Link& link) const {
  return link.dialled() == (options_.name < name);
}

// --- Sessions that ended.

void Mesh::ended(Link& link) {
  counters_.bytes_in += link.bytes_in();
  counters_.bytes_out += link.bytes_out();
  if (link.end() == Link::End::tls) ++counters_.tls;
  if (link.end() == Link::End::stalled) ++counters_.stalled;
  if (link.session() != nullptr) counters_.malformed += link.session()->counters().malformed;
  const auto stranger = std::find_if(strangers_.begin(), strangers_.end(),
                                     [&link](const auto& each) { return each.get() == &link; });
  if (stranger != strangers_.end()) {
    if (link.end() == Link::End::tls) {
      LOG(warn, "peer_handshake_failed", {"address", link.address().to_string()}, {"error", link.why()});
    }
    strangers_.erase(stranger);
    return;
  }
  const auto found = peers_.find(link.peer_name());
  if (found == peers_.end()) return;
  auto& [name, peer] = *found;
  if (peer.dial.get() == &link) {
    peer.dial = nullptr;
    dial_failed(name, peer, link);
  } else {
    session_ended(name, peer, link);
    if (!peer.listed && peer.open.empty()) {
      forget(found);
      listener_.gates_changed();
    }
  }
  set_timer();
}

void Mesh::dial_failed(const std::string& name, Peer& peer, const Link& link) {
  note_error(name, peer, link);
  peer.failed = true;
  ++peer.next_address;
  if (link.refused() == static_cast<unsigned>(codec::Status::bad_version)) peer.minor = 0;
  dial_in(peer, link.end() == Link::End::unreachable ? peer.backoff.after_no_answer(peer.kind)
                                                     : peer.backoff.after_failure(peer.kind, chance()));
  if (link.end() == Link::End::refused && peer.kind != PeerKind::haproxy && peer.open.empty()) {
    listener_.refused(name);
  }
}

void Mesh::session_ended(const std::string& name, Peer& peer, const Link& link) {
  const auto at = std::find_if(peer.open.begin(), peer.open.end(),
                               [&link](const auto& each) { return each.get() == &link; });
  if (at == peer.open.end()) return;
  const Session::Counters counted = link.session()->counters();
  peer.updates_in += counted.updates_in;
  peer.updates_out += counted.updates_out;
  peer.open.erase(at);
  const bool was_active = peer.active == &link;
  if (was_active) peer.active = nullptr;
  if (!peer.open.empty()) {
    // Another one takes over, and nobody is lost.
    if (peer.active == nullptr) choose(name, peer);
    if (!was_active || peer.active != nullptr) return;
  }
  note_error(name, peer, link);
  dial_in(peer,
          peer.backoff.after_session(peer.kind, core_.now() - link.begin(), options_.name < name, chance()));
  if (was_active) listener_.lost(name);
}

void Mesh::note_error(const std::string& name, Peer& peer, const Link& link) {
  std::string error = link.why();
  if (link.refused()) error = "turned us away: " + std::to_string(*link.refused());
  const bool news = error != peer.error || peer.active == &link;
  peer.error = std::move(error);
  if (news) {
    LOG(warn, "peer_down", {"peer", name}, {"address", link.address().to_string()},
        {"how", to_string(link.end())}, {"error", peer.error});
  }
}

// --- Dialling.

Link::Parts Mesh::parts_for(const std::string& peer_name, unsigned minor) {
  Session::Options session;
  session.own_name = options_.name;
  session.life = options_.life;
  session.peer_name = peer_name;
  session.minor = minor;
  session.limits = options_.limits.session;
  return {.core = core_,
          .owner = *this,
          .tables = tables_,
          .tls = options_.tls,
          .session = std::move(session),
          .limits = options_.limits.link};
}

void Mesh::dial(const std::string& name, Peer& peer) {
  const auto& addresses = peer.member.addresses;
  Link::Parts parts = parts_for(name, peer.minor);
  if (peer.kind == PeerKind::gate) parts.limits.connect = options_.limits.gate_connect;
  peer.dial = Link::dial(std::move(parts), addresses[peer.next_address % addresses.size()]);
}

void Mesh::dial_in(Peer& peer, Duration wait) { peer.dial_at = core_.now() + wait; }

void Mesh::set_timer() {
  if (!started_ || stopped_) return;
  TimePoint next = TimePoint::max();
  for (const auto& [name, peer] : peers_) {
    if (peer.listed && peer.open.empty() && peer.dial == nullptr) next = std::min(next, peer.dial_at);
  }
  if (next == TimePoint::max()) {
    cancel();
  } else {
    core_.schedule(*this, next);
  }
}

void Mesh::on_expire() {
  for (auto& [name, peer] : peers_) {
    const bool alone = peer.listed && peer.open.empty() && peer.dial == nullptr;
    if (alone && peer.dial_at <= core_.now()) dial(name, peer);
  }
  set_timer();
}

// --- What is said.

void Mesh::send(std::string_view gate, std::uint8_t type, std::string_view body) {
  const auto found = peers_.find(gate);
  if (found == peers_.end() || found->second.active == nullptr) return;
  found->second.active->send(type, body);
}

void Mesh::push() {
  for (auto& [name, peer] : peers_) {
    if (peer.kind == PeerKind::gate) continue;
    for (const auto& link : peer.open) link->push();
  }
}

bool Mesh::packet(Link& link, std::uint8_t type, ByteView body) {
  const auto found = peers_.find(link.peer_name());
  if (found == peers_.end()) return true;
  return listener_.packet(found->first, type, body);
}

// --- What is so.

std::vector<std::string> Mesh::gates() const {
  std::vector<std::string> names;
  for (const auto& [name, peer] : peers_) {
    if (peer.kind != PeerKind::haproxy) names.push_back(name);
  }
  return names;
}

bool Mesh::may_have_haproxy() const {
  return std::any_of(peers_.begin(), peers_.end(), [](const auto& entry) {
    const Peer& peer = entry.second;
    return peer.kind != PeerKind::gate && !peer.failed;
  });
}

std::optional<Address> Mesh::address() const {
  return acceptor_ == nullptr ? std::nullopt : net::bound_address(acceptor_->descriptor());
}

Mesh::Counters Mesh::counters() const {
  Counters all = counters_;
  for (const auto& [name, peer] : peers_) {
    for (const auto& link : peer.open) {
      all.bytes_in += link->bytes_in();
      all.bytes_out += link->bytes_out();
    }
  }
  return all;
}

std::size_t Mesh::sessions(std::string_view peer) const {
  const auto found = peers_.find(peer);
  return found == peers_.end() ? 0 : found->second.open.size();
}

std::vector<PeerRow> Mesh::rows(TimePoint now) const {
  std::vector<PeerRow> rows;
  for (const auto& [name, peer] : peers_) {
    const bool up = !peer.open.empty();
    PeerRow row;
    row.name = name;
    if (!peer.member.addresses.empty()) row.address = peer.member.addresses.front().to_string();
    row.kind = to_text(peer.kind);
    row.state = up ? "up" : "down";
    row.up = up;
    row.updates_in = peer.updates_in;
    row.updates_out = peer.updates_out;
    for (const auto& link : peer.open) {
      const Session::Counters counted = link->session()->counters();
      row.updates_in += counted.updates_in;
      row.updates_out += counted.updates_out;
    }
    row.reconnects = peer.sessions == 0 ? 0 : peer.sessions - 1;
    if (up) row.up_seconds = std::chrono::duration<double>(now - peer.up_since).count();
    row.error = up ? "" : peer.error;
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace roomgate::peers_sync::mesh
