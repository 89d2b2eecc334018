#include "peers-sync/claim/membership.hpp"

#include <algorithm>
#include <utility>

namespace roomgate::peers_sync::claim {
namespace {

constexpr Duration kShortestLease = milliseconds(500);
constexpr Duration kLongestLease = seconds(5);  // by round trips; settings may say more
// A clock may run by a tenth faster than another.
constexpr Duration with_margin(Duration lease) { return lease + lease / 10; }
// Statuses that are not due by the beat come together when they come so close.
constexpr Duration kGap = milliseconds(2);
constexpr Duration kGoodbye = seconds(1);
constexpr std::size_t kMaxSent = 4096;

bool contains(const View& view, const GateId& gate) {
  return std::binary_search(view.begin(), view.end(), gate);
}

void insert(View& view, const GateId& gate) {
  view.insert(std::lower_bound(view.begin(), view.end(), gate), gate);
}

Duration of_ms(std::uint32_t ms) { return milliseconds(ms); }

std::uint32_t to_ms(Duration duration) {
  return static_cast<std::uint32_t>(std::chrono::ceil<milliseconds>(duration).count());
}

// In views, or about to be.
bool takes_part(State state) { return state == State::joining || state == State::member; }

}  // namespace

Membership::Membership(Options options, Sender& sender, TimePoint now)
    : options_(std::move(options)),
      sender_(sender),
      self_{options_.name, options_.life},
      started_(now),
      last_now_(now),
      asked_lease_(options_.lease > Duration{0} ? options_.lease : kShortestLease),
      lease_(asked_lease_),
      table_limit_(options_.table_limit),
      due_(now) {
  options_.max_gates = std::min(options_.max_gates, kMaxGates);
}

// --- What happens.

void Membership::set_configured(std::vector<std::string> names, TimePoint now) {
  configured_ = {names.begin(), names.end()};
  configured_.erase(self_.name);
  for (const std::string& name : configured_) peer_of(name, now);
  update(now);
}

void Membership::connected(const std::string& gate, TimePoint now) {
  notice_time(now);
  if (Peer* peer = peer_of(gate, now)) {
    peer->session = true;
    peer->refused.reset();
    peer->heard_directly_at = now;  // the benefit of the doubt, for a few beats
    say_soon(now);
  }
}

void Membership::lost(const std::string& gate, TimePoint now) {
  notice_time(now);
  if (const auto found = peers_.find(gate); found != peers_.end()) found->second.session = false;
  update(now);
}

void Membership::refused(const std::string& gate, TimePoint now) {
  notice_time(now);
  if (Peer* peer = peer_of(gate, now); peer != nullptr && !peer->session && !peer->refused) {
    peer->refused = now;
  }
  update(now);
}

void Membership::receive(const std::string& from, const Status& status, TimePoint now) {
  notice_time(now);
  if (status.gate.name == self_.name) {
    // Our own, come back to us, or of a life before ours that is not over yet. A newer one: we are the old.
    if (status.gate.life > self_.life) leave(now);
    return;
  }
  Peer* peer = peer_of(status.gate.name, now);
  if (peer == nullptr || status.gate.life < peer->id.life) return;
  if (from == status.gate.name) peer->heard_directly_at = now;
  if (peer->id.life != status.gate.life) {
    if (peer->id.life != 0 && !peer->gone) gone_.push_back(peer->id);
    *peer = Peer{.id = status.gate, .heard_directly_at = peer->heard_directly_at, .session = peer->session};
  }
  if (peer->status && status.number <= peer->status->number) return;
  take_status(*peer, status, now);
  notice_return(status, now);
  pass_on(from, status);
  update(now);
}

void Membership::tick(TimePoint now) {
  notice_time(now);
  update(now);
  if (now >= due_ && changes_.empty()) say(now);
}

TimePoint Membership::next() const {
  if (!changes_.empty()) return last_now_;
  TimePoint next = due_;
  if (!granting_ && !view_.empty()) {
    for (const auto& [gate, grant] : grants_) {
      if (grant.view != view_ && grant.until > last_now_) next = std::min(next, grant.until);
    }
  }
  return next;
}

void Membership::set_progress(Progress progress, TimePoint now) {
  notice_time(now);
  if (progress.complete != progress_.complete) say_soon(now);
  progress_ = std::move(progress);
  update(now);
}

void Membership::set_log_end(std::uint64_t log_end) { progress_.log_end = log_end; }

void Membership::resign(TimePoint now) {
  notice_time(now);
  resigning_ = true;
  update(now);
}

void Membership::leave(TimePoint now) {
  notice_time(now);
  if (parting_since_) return;
  parting_since_ = now;
  if (state_ != State::leaving) {
    state_ = State::leaving;
    leaving_since_ = now;
  }
  say_soon(now);
  update(now);
}

// --- Statuses that come.

Membership::Peer* Membership::peer_of(const std::string& name, TimePoint now) {
  if (name == self_.name || name.empty() || name.size() > kMaxGateName) return nullptr;
  const auto found = peers_.find(name);
  if (found != peers_.end()) return &found->second;
  if (peers_.size() + 1 >= options_.max_gates) {
    // Room is made by those who are over, the longest first.
    auto oldest = peers_.end();
    for (auto it = peers_.begin(); it != peers_.end(); ++it) {
      if (it->second.session || configured_.contains(it->first) || contains(view_, it->second.id) ||
          !is_over(it->second, now)) {
        continue;
      }
      if (oldest == peers_.end() || it->second.heard_at < oldest->second.heard_at) oldest = it;
    }
    if (oldest == peers_.end()) return nullptr;
    peers_.erase(oldest);
  }
  return &(peers_[name] = Peer{.id = {name, 0}});
}

const Membership::Peer* Membership::find(const GateId& gate) const {
  const auto found = peers_.find(gate.name);
  return found == peers_.end() || found->second.id != gate ? nullptr : &found->second;
}

void Membership::take_status(Peer& peer, const Status& status, TimePoint now) {
  if (!peer.status || peer.status->view != status.view) peer.view_since = status.number;
  const bool includes_us = contains(status.view, self_);
  // Somebody in our view goes on without us, and not because of what we were before we joined (again): that
  // would be chased by its own consequences, from gate to gate.
  const Status::Of* of = status.of_gate(self_);
  if (peer.included_us && !includes_us && !status.view.empty() && contains(view_, peer.id) &&
      joined_at_ != 0 && of != nullptr && of->heard >= joined_at_) {
    dropped_ = true;
  }
  peer.included_us = includes_us;
  peer.status = status;
  peer.heard_at = now;
  peer.refused.reset();
  take_echo(peer, now);
  // So that joining takes round trips and not beats: it cannot decide before it has our echo.
  // The same for becoming live.
  if (peer.told == 0 || (!view_.empty() && status.view == view_ && peer.told < peer.view_since))
    say_soon(now);
}

void Membership::take_echo(Peer& peer, TimePoint now) {
  const Status::Of* of = peer.status->of_gate(self_);
  if (of == nullptr || of->heard <= peer.echoed) return;
  const auto sent = sent_.find(of->heard);
  if (sent == sent_.end()) return;  // never sent, or so long ago that it says nothing
  peer.echoed = of->heard;
  peer.echo_sent = sent->second.at;
  peer.echo_lease = sent->second.lease;
  peer.echo_running = sent->second.running;
  const Duration trip =
      std::clamp<Duration>(now - sent->second.at - microseconds(of->held_us), Duration{0}, kLongestLease / 4);
  peer.round_trip = peer.round_trip ? *peer.round_trip + (trip - *peer.round_trip) / 8 : trip;
}

void Membership::pass_on(const std::string& from, const Status& status) {
  for (const auto& [name, peer] : peers_) {
    if (!peer.session || name == from || name == status.gate.name) continue;
    const Status::Of* of = peer.status ? peer.status->of_gate(status.gate) : nullptr;
    if (of == nullptr || !of->direct) sender_.send_status(name, status);
  }
}

// --- Time.

// A process that got no time (stopped, starved, its machine asleep) has not heard anybody meanwhile; that is
// no sign that they are gone. Leases go by real time all the same.
void Membership::notice_time(TimePoint now) {
  if (now <= last_now_) return;
  const Duration gap = now - last_now_;
  if (gap > 2 * options_.beat) stopped_ += gap - options_.beat;
  if (gap >= options_.forget) stopped_long_ = true;
  last_now_ = now;
}

bool Membership::has_left(const Peer& peer) const { return peer.status && peer.status->state == State::left; }

// In no view any more, and in none to come.
bool Membership::has_resigned(const Peer& peer) const {
  return peer.status && peer.status->state == State::leaving && peer.status->view.empty();
}

bool Membership::is_live(const Peer& peer, TimePoint now) const {
  if (!peer.status || peer.echoed == 0 || has_left(peer)) return false;
  if (peer.refused && now - peer.heard_at > lease_) return false;
  return running(now) - peer.echo_running < takeover();
}

// Not live, and not about to become so either.
bool Membership::is_over(const Peer& peer, TimePoint now) const {
  if (!peer.status || has_left(peer)) return true;
  return !is_live(peer, now) && now - peer.heard_at > takeover();
}

void Membership::notice_gone(TimePoint now) {
  for (auto& [name, peer] : peers_) {
    if (is_live(peer, now)) {
      peer.ever_live = true;
      peer.gone.reset();
      missing_.erase(name);
    } else if (peer.ever_live && !peer.gone) {
      peer.gone = now;
      gone_.push_back(peer.id);
      if (!has_left(peer)) missing_[name] = now;
    }
    if (has_left(peer)) missing_.erase(name);
  }
  if (!live(now).empty()) {
    alone_since_.reset();
  } else if (!alone_since_) {
    alone_since_ = now;
  }
  std::erase_if(missing_, [&](const auto& one) { return now - one.second >= options_.missing; });
  std::erase_if(peers_, [&](const auto& one) {
    const Peer& peer = one.second;
    return peer.gone && now - *peer.gone >= options_.forget && !peer.session &&
           !configured_.contains(one.first);
  });
  std::erase_if(grants_, [&](const auto& one) { return one.second.until <= now; });
}

void Membership::measure_lease(TimePoint now) {
  if (options_.lease <= Duration{0}) {
    asked_lease_ = kShortestLease;
    for (const auto& [name, peer] : peers_) {
      if (is_live(peer, now) && peer.round_trip) asked_lease_ = std::max(asked_lease_, 4 * *peer.round_trip);
    }
    asked_lease_ = std::min(asked_lease_, kLongestLease);
  }
  Duration longest = asked_lease_;
  for (const auto& [name, peer] : peers_) {
    if (is_live(peer, now)) longest = std::max(longest, of_ms(peer.status->asked_lease_ms));
  }
  lease_ = longest;
}

void Membership::find_table_limit(TimePoint now) {
  table_limit_ = options_.table_limit;
  for (const auto& [name, peer] : peers_) {
    if (is_live(peer, now)) table_limit_ = std::min(table_limit_, peer.status->table_limit);
  }
}

// --- Views.

// All that follows from what is known now, in the order in which one follows from the other.
void Membership::update(TimePoint now) {
  notice_gone(now);
  measure_lease(now);
  find_table_limit(now);
  if (stopped_long_ || outlived_) learn_afresh(now);
  if (std::exchange(dropped_, false)) learn_again(now);
  if (state_ == State::learning && !waits_for_silent(now)) {
    bool complete = true;
    for (const GateId& gate : live(now)) complete = complete && progress_.complete.contains(gate);
    if (complete) {
      for (const auto& [name, peer] : peers_) {
        if (is_awaited(peer, now)) missing_.emplace(name, now);
      }
      state_ = State::joining;
      say_soon(now);
    }
  }
  if (resigning_ && !parting_since_) resign_or_stay(now);
  if (state_ == State::leaving) {
    go_on_leaving(now);
  } else if (auto view = wanted_view(now); view && *view != view_) {
    take_view(std::move(*view), now);
  }
  if (!view_.empty() && !granting_ && may_grant(now)) {
    granting_ = true;
    say_soon(now);
  }
  if (state_ == State::joining && may_decide(now)) {
    state_ = State::member;
    say_soon(now);
  }
}

// Not all at once: somebody has to decide until the last has gone. Where all leave it is the first by name,
// who comes back like one that was dropped.
void Membership::resign_or_stay(TimePoint now) {
  const std::vector<GateId> others = live(now);
  const auto any = [&](const auto& is) {
    return std::any_of(others.begin(), others.end(),
                       [&](const GateId& gate) { return is(gate, find(gate)->status->state); });
  };
  if (state_ != State::leaving) {
    if (!any([](const GateId&, State state) { return takes_part(state); })) return;
    state_ = State::leaving;
    leaving_since_ = now;
    say_soon(now);
  } else if (!any([&](const GateId& gate, State state) { return state != State::leaving || gate < self_; })) {
    state_ = State::learning;
    learn_again(now);
  }
}

void Membership::go_on_leaving(TimePoint now) {
  const bool all_have_it = others_have_log(now);
  if (!view_.empty() && (all_have_it || now - leaving_since_ >= kGoodbye)) take_view({}, now);
  if (!parting_since_ || !view_.empty()) return;
  if (all_have_it || now - *parting_since_ >= kGoodbye) {
    state_ = State::left;
    say_soon(now);
  }
}

bool Membership::others_have_log(TimePoint now) const {
  const std::vector<GateId> others = live(now);
  return std::all_of(others.begin(), others.end(), [&](const GateId& gate) {
    const Status::Of* of = find(gate)->status->of_gate(self_);
    return of != nullptr && of->have >= progress_.log_end;
  });
}

// Before the first view: gates that we should hear from and do not, for a while.
bool Membership::waits_for_silent(TimePoint now) const {
  if (running(now) - learning_since_ >= options_.wait_for_silent) return false;
  return std::any_of(peers_.begin(), peers_.end(),
                     [&](const auto& one) { return is_awaited(one.second, now); });
}

bool Membership::is_awaited(const Peer& peer, TimePoint now) const {
  if (is_live(peer, now) || has_left(peer)) return false;
  if (peer.refused && (!peer.status || now - peer.heard_at > lease_)) return false;  // absent
  if (configured_.contains(peer.id.name) || peer.session) return true;
  return peer.status && now - peer.heard_at <= takeover();  // not yet live
}

void Membership::learn_again(TimePoint now) {
  if (state_ != State::leaving && state_ != State::left) state_ = State::learning;
  learning_since_ = running(now);
  joined_at_ = 0;
  take_view({}, now);
}

// Rule 11: two that were apart for longer than tombstones live. One of them has to begin anew: who is alone,
// and where both are, the higher name.
void Membership::notice_return(const Status& status, TimePoint now) {
  if (!alone_since_ || now - *alone_since_ < options_.forget || !progress_.history || !status.history) return;
  const auto others = std::count_if(status.view.begin(), status.view.end(),
                                    [&](const GateId& gate) { return gate.name != self_.name; });
  outlived_ = others >= 2 || status.gate.name < self_.name;
  if (outlived_) alone_since_ = now;
}

void Membership::learn_afresh(TimePoint now) {
  stopped_long_ = outlived_ = false;
  was_away_ = true;
  learn_again(now);
  progress_.complete.clear();
  progress_.have.clear();
}

// `one` has the history of `other`, and the other way round.
bool Membership::complete_with(const GateId& one, const GateId& other) const {
  const auto has = [&](const GateId& a, const GateId& b) {
    if (a == self_) return progress_.complete.contains(b);
    const Peer* peer = find(a);
    const Status::Of* of = peer != nullptr && peer->status ? peer->status->of_gate(b) : nullptr;
    return of != nullptr && of->complete;
  };
  return has(one, other) && has(other, one);
}

// What the view should be by what is known now. Gates that know the same come to the same: they add in the
// order of names, and with a gate all who are in its view, so that two sides that were apart become one at
// once. nullopt: none for now, a learner's.
std::optional<View> Membership::wanted_view(TimePoint now) const {
  if (state_ == State::learning) return std::nullopt;
  const auto can_be_in = [&](const GateId& gate) {
    const Peer* peer = find(gate);
    return peer != nullptr && is_live(*peer, now) && takes_part(peer->status->state);
  };
  View view = {self_};
  for (const GateId& gate : view_) {
    // A leaving one stays until it has resigned: what it decided last is still on its way.
    const Peer* peer = find(gate);
    const bool stays = peer != nullptr && is_live(*peer, now) && peer->status->state != State::learning &&
                       !has_resigned(*peer);
    if (stays) insert(view, gate);
  }
  for (const auto& [name, peer] : peers_) {
    if (contains(view, peer.id) || !can_be_in(peer.id)) continue;
    View side = {peer.id};
    for (const GateId& gate : peer.status->view) {
      if (gate != peer.id && gate != self_ && !contains(view, gate) && can_be_in(gate)) insert(side, gate);
    }
    View result = view;
    for (const GateId& gate : side) insert(result, gate);
    const bool fits = std::all_of(side.begin(), side.end(), [&](const GateId& added) {
      return std::all_of(result.begin(), result.end(),
                         [&](const GateId& other) { return added == other || complete_with(added, other); });
    });
    if (fits && result.size() <= options_.max_gates) view = std::move(result);
  }
  if (!view_.empty()) return view;
  // Who joins goes where the members are. Where none is, nobody goes ahead of those who are still coming.
  std::vector<GateId> others = live(now);
  std::erase_if(others, [&](const GateId& gate) { return has_resigned(*find(gate)); });
  const auto is_member = [&](const GateId& gate) { return find(gate)->status->state == State::member; };
  const bool any_member = std::any_of(others.begin(), others.end(), is_member);
  for (const GateId& gate : others) {
    if ((is_member(gate) || !any_member) && !contains(view, gate)) return std::nullopt;
  }
  if (!any_member && waits_for_silent(now)) return std::nullopt;
  return view;
}

void Membership::take_view(View view, TimePoint now) {
  if (view == view_) return;
  Change change;
  for (const GateId& gate : view_) {
    if (gate == self_ || contains(view, gate)) continue;
    change.dropped.push_back(gate);
    progress_.complete.erase(gate);
  }
  for (const GateId& gate : view) {
    if (gate != self_ && !contains(view_, gate)) change.added.push_back(gate);
  }
  view_ = std::move(view);
  ++view_count_;
  said_view_at_ = 0;
  granting_ = false;
  changes_.push_back(std::move(change));
  say_soon(now);
}

// The lease of a gate of an earlier view has to be over before this one is granted, unless it has said that
// it left that view: to come back, it needs an echo of what it says after that. A life that ended counts like
// any other: that a newer one is heard does not mean that the older has stopped (an upgrade's old process,
// two gates that were given one name), so its lease is waited for; a goodbye saves the wait.
bool Membership::may_grant(TimePoint now) const {
  return std::all_of(grants_.begin(), grants_.end(), [&](const auto& one) {
    const auto& [gate, grant] = one;
    if (grant.until <= now || grant.view == view_) return true;
    const Peer* peer = find(gate);
    return peer != nullptr && peer->status && peer->status->view != grant.view;
  });
}

bool Membership::may_decide(TimePoint now) const {
  if (!takes_part(state_) || view_.empty() || !granting_) return false;
  return std::all_of(view_.begin(), view_.end(), [&](const GateId& gate) {
    if (gate == self_) return true;
    const Peer* peer = find(gate);
    if (peer == nullptr || !peer->status || peer->status->view != view_ || !peer->status->granting)
      return false;
    const bool lease =
        said_view_at_ != 0 && peer->echoed >= said_view_at_ && peer->echo_sent + peer->echo_lease > now;
    if (!lease && options_.rules.lease) return false;
    return has_log_of(*peer) || !options_.rules.inheritance;
  });
}

// What it decided before it took this view, and what it said again of those who left.
bool Membership::has_log_of(const Peer& peer) const {
  const auto have = progress_.have.find(peer.id);
  return (have == progress_.have.end() ? 0 : have->second) >= peer.status->log_at_view;
}

// --- Statuses that go.

void Membership::say_soon(TimePoint now) { due_ = std::min(due_, std::max(now, last_said_ + kGap)); }

void Membership::say(TimePoint now) {
  Status status;
  status.gate = self_;
  status.number = ++number_;
  status.state = state_;
  status.view = view_;
  status.granting = granting_;
  status.lease_ms = to_ms(lease_);
  status.asked_lease_ms = to_ms(asked_lease_);
  status.table_limit = options_.table_limit;
  status.log_end = progress_.log_end;
  if (joined_at_ == 0 && takes_part(state_)) joined_at_ = number_;
  if (said_view_at_ == 0 && !view_.empty()) {
    said_view_at_ = number_;
    log_at_view_ = progress_.log_end;
  }
  status.log_at_view = view_.empty() ? 0 : log_at_view_;
  status.history = progress_.history;
  status.shards_down = progress_.shards_down;
  if (status.shards_down.size() > kMaxShardsDown) status.shards_down.resize(kMaxShardsDown);
  if (state_ == State::left && goodbye_ == 0) goodbye_ = number_;
  for (auto& [name, peer] : peers_) {
    if (peer.id.life == 0 || !peer.status) continue;
    const auto have = progress_.have.find(peer.id);
    status.of.push_back(
        {.gate = peer.id,
         .heard = peer.status->number,
         .held_us = static_cast<std::uint32_t>(std::clamp<std::int64_t>(
             std::chrono::duration_cast<microseconds>(now - peer.heard_at).count(), 0, UINT32_MAX)),
         .have = have == progress_.have.end() ? 0 : have->second,
         .direct = peer.session && now - peer.heard_directly_at <= 4 * options_.beat,
         .complete = progress_.complete.contains(peer.id)});
    peer.told = peer.status->number;
    // The view and the echo together are what gives it a lease, from when it said what is echoed: before that
    // came.
    if (granting_ && contains(view_, peer.id) && peer.status->view == view_) {
      Grant& grant = grants_[peer.id];
      const TimePoint until = peer.heard_at + with_margin(of_ms(peer.status->lease_ms));
      grant = {grant.view == view_ ? std::max(grant.until, until) : until, view_};
    }
  }
  // Lives that are over: what we have of their logs, so that others know what need not be said again.
  for (const auto& [gate, number] : progress_.have) {
    if (1 + status.view.size() + status.of.size() >= kMaxGates) break;
    if (status.of_gate(gate) == nullptr && gate != self_) status.of.push_back({.gate = gate, .have = number});
  }
  sent_[number_] = {now, running(now), of_ms(status.lease_ms)};
  while (sent_.size() > kMaxSent || sent_.begin()->second.at + 2 * takeover() < now)
    sent_.erase(sent_.begin());
  last_said_ = now;
  due_ = now + options_.beat;
  for (const auto& [name, peer] : peers_) {
    if (peer.session) sender_.send_status(name, status);
  }
}

// --- What is so.

State Membership::state() const { return state_; }
GateId Membership::self() const { return self_; }
const View& Membership::view() const { return view_; }
std::uint64_t Membership::view_count() const { return view_count_; }
Duration Membership::lease() const { return lease_; }

bool Membership::has_left(TimePoint now) const {
  if (!parting_since_) return false;
  if (now - *parting_since_ >= 2 * kGoodbye) return true;
  if (goodbye_ == 0) return false;
  return std::all_of(peers_.begin(), peers_.end(), [&](const auto& one) {
    return !is_live(one.second, now) || one.second.echoed >= goodbye_;
  });
}

std::vector<GateId> Membership::live(TimePoint now) const {
  std::vector<GateId> gates;
  for (const auto& [name, peer] : peers_) {
    if (is_live(peer, now)) gates.push_back(peer.id);
  }
  return gates;
}

bool Membership::is_live(const GateId& gate, TimePoint now) const {
  const Peer* peer = find(gate);
  return peer != nullptr && is_live(*peer, now);
}

const Status* Membership::status_of(const std::string& gate) const {
  const auto found = peers_.find(gate);
  return found == peers_.end() || !found->second.status ? nullptr : &*found->second.status;
}

bool Membership::direct(const std::string& gate) const {
  const auto found = peers_.find(gate);
  return found != peers_.end() && found->second.session;
}

// Along those who say that they hear each other directly, the shortest.
std::optional<std::string> Membership::way_to(const std::string& gate, TimePoint now) const {
  const auto hears = [&](const Peer& peer, const GateId& other) {
    const Status::Of* of = peer.status ? peer.status->of_gate(other) : nullptr;
    return of != nullptr && of->direct;
  };
  const auto wanted = peers_.find(gate);
  if (wanted == peers_.end()) return std::nullopt;
  if (wanted->second.session && (!wanted->second.status || hears(wanted->second, self_))) return gate;
  std::map<std::string_view, std::string_view> first_step;  // reached -> through
  std::vector<const Peer*> front;
  for (const auto& [name, peer] : peers_) {
    if (!peer.session || !hears(peer, self_)) continue;
    first_step[name] = name;
    front.push_back(&peer);
  }
  for (std::size_t at = 0; at < front.size(); ++at) {
    for (const auto& [name, peer] : peers_) {
      if (first_step.contains(name) || !is_live(peer, now) || !hears(peer, front[at]->id)) continue;
      first_step[name] = first_step[front[at]->id.name];
      if (name == gate) return std::string(first_step[name]);
      front.push_back(&peer);
    }
  }
  if (wanted->second.session) return gate;
  return std::nullopt;
}

std::vector<std::string> Membership::missing(TimePoint now) const {
  std::vector<std::string> names;
  for (const auto& [name, since] : missing_) {
    if (now - since < options_.missing) names.push_back(name);
  }
  return names;
}

std::optional<Duration> Membership::round_trip(const std::string& gate) const {
  const auto found = peers_.find(gate);
  return found == peers_.end() ? std::nullopt : found->second.round_trip;
}

std::uint64_t Membership::everybody_has(const GateId& of) const {
  std::uint64_t least = ~std::uint64_t{0};
  if (of != self_) {
    const auto have = progress_.have.find(of);
    least = have == progress_.have.end() ? 0 : have->second;
  }
  for (const auto& [name, peer] : peers_) {
    if (!peer.status || peer.id == of || has_left(peer)) continue;
    const Status::Of* said = peer.status->of_gate(of);
    least = std::min(least, said == nullptr ? 0 : said->have);
  }
  return least;
}

std::vector<Membership::Change> Membership::take_changes() { return std::exchange(changes_, {}); }
std::vector<GateId> Membership::take_gone() { return std::exchange(gone_, {}); }

}  // namespace roomgate::peers_sync::claim
