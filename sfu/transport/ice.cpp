#include "sfu/transport/ice.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace roomgate::sfu::transport {
namespace {

// The highest there is: by RFC 8445 7.3.1.1 whoever claims our role then gets a 487 and gives way. We made
// the offer, so we are controlling, and nothing is gained by ever leaving that to chance.
constexpr std::uint64_t kTieBreaker = ~std::uint64_t{0};

// RFC 8445 5.1.2.1 for the peer-reflexive candidate that a check of ours may create: type 110, one interface,
// RTP.
constexpr std::uint32_t kCheckPriority = (110u << 24) | (65535u << 8) | 255u;

bool is_ice_text(std::string_view text, std::size_t least, std::size_t most) {
  if (text.size() < least || text.size() > most) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  });
}

}  // namespace

IceCredentials IceCredentials::make() { return {random_hex(8), random_hex(24)}; }

IceDatagram* IceOutput::add_datagram(const Address& to) {
  if (datagram_count_ == kMaxDatagrams) {
    ++lost_;
    return nullptr;
  }
  IceDatagram& datagram = datagrams_[datagram_count_++];
  datagram.to = to;
  datagram.size = 0;
  return &datagram;
}

void IceOutput::add_event(IceEventKind kind, const Address& address) {
  if (event_count_ == kMaxEvents) {
    ++lost_;
    return;
  }
  events_[event_count_++] = {kind, address};
}

IceAgent::IceAgent(IceCredentials local, const IceLimits& limits)
    : limits_(limits), local_(std::move(local)), local_key_(as_bytes(local_.pwd)) {
  pairs_.reserve(limits_.max_pairs);
}

bool IceAgent::set_remote(std::string_view ufrag, std::string_view pwd, TimePoint now, IceOutput& out) {
  if (!is_ice_text(ufrag, 4, limits_.max_credential_bytes) ||
      !is_ice_text(pwd, 22, limits_.max_credential_bytes)) {
    return false;
  }
  if (ufrag == remote_ufrag_ && pwd == remote_pwd_) return true;
  remote_ufrag_ = ufrag;
  remote_pwd_ = pwd;
  remote_key_ = HmacSha1(as_bytes(pwd));
  username_ = remote_ufrag_ + ":" + local_.ufrag;
  remote_since_ = now;
  state_ = IceState::checking;
  selected_ = kNone;
  for (Pair& pair : pairs_) {
    pair.ever_answered = false;
    pair.nominate = false;
    pair.sent_checks = {};
    start_checks(pair, now, out);
  }
  schedule();
  return true;
}

bool IceAgent::on_binding(const StunMessageView& message, const Address& from, TimePoint now,
                          IceOutput& out) {
  // The cheap tests first: a flood is turned away before the HMAC wherever it can be.
  const bool ours =
      state_ != IceState::failed && message.is_binding(StunClass::request) &&
      local_ufrag_of(message.username) == local_.ufrag &&
      // Another ufrag of the client would be a restart, and that is agreed on by signalling first.
      (remote_ufrag_.empty() || remote_ufrag_of(message.username) == remote_ufrag_) &&
      message.fingerprint_matches() && message.integrity_matches(local_key_);
  if (!ours) {
    ++counters_.requests_refused;
    return false;
  }
  if (message.unknown_count > 0) {
    answer(message, from, 420, out);
    return true;
  }
  if (!message.priority) {
    answer(message, from, 400, out);
    return true;
  }
  if (message.controlling) {
    ++counters_.role_conflicts;
    answer(message, from, 487, out);
    return true;
  }
  answer(message, from, 0, out);
  const std::size_t index = learn(from, now, out);
  if (index == kNone) return true;
  if (state_ == IceState::fresh) state_ = IceState::checking;
  Pair& pair = pairs_[index];
  const bool selected_is_silent =
      selected_ != kNone && selected_ != index && now - pairs_[selected_].heard >= limits_.silent;
  heard(pair, now, out);
  if (!remote_ufrag_.empty() && index != selected_ && pair.next == TimePoint::max()) {
    const Duration pause = selected_is_silent ? limits_.check_first : limits_.recheck;
    const bool fresh = !pair.ever_answered && pair.unanswered == 0;
    const bool stale = !pair.ever_answered || now - pair.answered >= limits_.recheck || selected_is_silent;
    if (fresh || (stale && now - pair.sent >= pause)) start_checks(pair, now, out);
  }
  schedule();
  return true;
}

void IceAgent::on_response(const StunMessageView& message, const Address& from, TimePoint now,
                           IceOutput& out) {
  const std::size_t index = state_ == IceState::failed ? kNone : find(from);
  Sent* sent = nullptr;
  if (index != kNone) {
    for (Sent& candidate : pairs_[index].sent_checks) {
      if (candidate.live && candidate.transaction == message.transaction) sent = &candidate;
    }
  }
  // An error changes nothing: a 487 would have us change roles, which we do not (jitsi-signalling 7.1), and
  // the check is repeated anyway.
  if (sent == nullptr || !message.is_binding(StunClass::success) || !message.fingerprint_matches() ||
      !message.integrity_matches(remote_key_)) {
    ++counters_.answers_ignored;
    return;
  }
  Pair& pair = pairs_[index];
  if (sent->nominating && index == selected_) pair.nominate = false;
  sent->live = false;
  pair.ever_answered = true;
  pair.answered = now;
  pair.unanswered = 0;
  const bool take_over =
      selected_ == kNone || (selected_ != index && now - pairs_[selected_].heard >= limits_.silent);
  heard(pair, now, out);
  if (take_over) {
    select(index, now, out);
  } else if (index != selected_) {
    pair.next = TimePoint::max();
  } else if (!pair.nominate) {
    pair.next = now + consent_pause();
  }
  schedule();
}

void IceAgent::on_authenticated_packet(const Address& from, TimePoint now, IceOutput& out) {
  if (state_ == IceState::failed || selected_ == kNone) return;
  if (pairs_[selected_].address == from) {
    // Each packet comes by here. Deadlines that depend on this only move later, so they are left as they are:
    // tick() looks again.
    heard(pairs_[selected_], now, out);
    return;
  }
  // From an address that sent no check yet, it is one to learn all the same: only the client has the keys,
  // and its own next check may be seconds away.
  const std::size_t index = learn(from, now, out);
  if (index == kNone) return;
  Pair& pair = pairs_[index];
  heard(pair, now, out);
  if (is_validated(pair, now)) {
    if (now - selected_since_ >= limits_.switch_pause) select(index, now, out);
  } else if (pair.next == TimePoint::max() && now - pair.sent >= limits_.recheck) {
    start_checks(pair, now, out);
  }
  schedule();
}

void IceAgent::tick(TimePoint now, IceOutput& out) {
  if (now < deadline_) return;
  if (selected_ == kNone && state_ == IceState::checking && !remote_ufrag_.empty() &&
      now - remote_since_ >= limits_.connect_deadline) {
    fail_now(out);
    return;
  }
  if (selected_ != kNone && now - pairs_[selected_].answered >= limits_.consent_lost) {
    // No consent on this pair any more. Another that has it is as good; else we may not send at all (RFC
    // 7675 5.1).
    std::size_t best = kNone;
    for (std::size_t i = 0; i < pairs_.size(); ++i) {
      if (is_validated(pairs_[i], now) && (best == kNone || pairs_[i].answered > pairs_[best].answered))
        best = i;
    }
    if (best == kNone) {
      fail_now(out);
      return;
    }
    select(best, now, out);
  }
  if (state_ == IceState::connected && now - heard_ >= limits_.interrupted) {
    state_ = IceState::interrupted;
    out.add_event(IceEventKind::interrupted);
  }
  if (selected_ != kNone) {
    Pair& selected = pairs_[selected_];
    if (selected.sent <= selected.heard && now - selected.heard >= limits_.suspicious)
      send_check(selected, now, out);
    if (now - selected.heard >= limits_.silent) {
      for (Pair& pair : pairs_) {
        if (may_take_over(pair) && now - pair.sent >= limits_.check_most) start_checks(pair, now, out);
      }
    }
  }
  for (Pair& pair : pairs_) {
    if (pair.next <= now) send_check(pair, now, out);
  }
  schedule();
}

bool IceAgent::validated(const Address& from, TimePoint now) const {
  const std::size_t index = find(from);
  return state_ != IceState::failed && index != kNone && is_validated(pairs_[index], now);
}

std::size_t IceAgent::find(const Address& address) const {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].address == address) return i;
  }
  return kNone;
}

std::size_t IceAgent::learn(const Address& address, TimePoint now, IceOutput& out) {
  std::size_t index = find(address);
  if (index != kNone) return index;
  Pair fresh;
  fresh.address = address;
  fresh.heard = now;
  fresh.sent = now - limits_.recheck;
  fresh.next = TimePoint::max();
  if (pairs_.size() < limits_.max_pairs) {
    pairs_.push_back(fresh);
    out.add_event(IceEventKind::learnt, address);
    return pairs_.size() - 1;
  }
  // Full: one that never answered goes first, then the one unheard for longest; never the selected one, and
  // never one in use, or whoever knows the password could push out good pairs with made-up addresses.
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    const Pair& pair = pairs_[i];
    const bool given_up = !pair.ever_answered && pair.unanswered >= limits_.max_checks;
    if (i == selected_ || (!given_up && now - pair.heard < limits_.recheck)) continue;
    if (index == kNone || std::pair(pair.ever_answered, pair.heard) <
                              std::pair(pairs_[index].ever_answered, pairs_[index].heard)) {
      index = i;
    }
  }
  if (index == kNone) return kNone;
  out.add_event(IceEventKind::forgotten, pairs_[index].address);
  pairs_[index] = fresh;
  out.add_event(IceEventKind::learnt, address);
  return index;
}

void IceAgent::heard(Pair& pair, TimePoint now, IceOutput& out) {
  pair.heard = now;
  heard_ = now;
  if (state_ == IceState::interrupted) {
    state_ = IceState::connected;
    out.add_event(IceEventKind::connected);
    schedule();
  }
}

void IceAgent::start_checks(Pair& pair, TimePoint now, IceOutput& out) {
  pair.unanswered = 0;
  pair.pause = limits_.check_first;
  send_check(pair, now, out);
}

void IceAgent::send_check(Pair& pair, TimePoint now, IceOutput& out) {
  const bool is_selected = selected_ != kNone && &pair == &pairs_[selected_];
  pair.sent = now;
  ++pair.unanswered;
  if (pair.unanswered < limits_.max_checks && (!is_selected || pair.nominate)) {
    pair.next = now + pair.pause;
    pair.pause = std::min(pair.pause * 2, limits_.check_most);
  } else {
    // The selected pair is asked for consent as long as we send to it.
    pair.next = is_selected ? now + consent_pause() : TimePoint::max();
  }
  IceDatagram* datagram = out.add_datagram(pair.address);
  if (datagram == nullptr) return;
  Sent& sent = pair.sent_checks[pair.next_sent];
  pair.next_sent = (pair.next_sent + 1) % pair.sent_checks.size();
  sent = {{}, true, pair.nominate};
  random_bytes(sent.transaction);
  const BindingRequest request{.transaction = sent.transaction,
                               .username = username_,
                               .priority = kCheckPriority,
                               .tie_breaker = kTieBreaker,
                               .controlling = true,
                               .use_candidate = pair.nominate};
  datagram->size = static_cast<std::uint16_t>(write_binding_request(datagram->bytes, request, remote_key_));
  ++counters_.checks_sent;
}

void IceAgent::select(std::size_t index, TimePoint now, IceOutput& out) {
  if (selected_ != kNone) {
    pairs_[selected_].nominate = false;
    pairs_[selected_].next = TimePoint::max();
  }
  selected_ = index;
  selected_since_ = now;
  ++counters_.selections;
  out.add_event(IceEventKind::selected, pairs_[index].address);
  if (state_ == IceState::checking) {
    state_ = IceState::connected;
    heard_ = now;
    out.add_event(IceEventKind::connected);
  }
  pairs_[index].nominate = true;
  start_checks(pairs_[index], now, out);
}

void IceAgent::fail_now(IceOutput& out) {
  state_ = IceState::failed;
  selected_ = kNone;
  for (Pair& pair : pairs_) pair.next = TimePoint::max();
  deadline_ = TimePoint::max();
  out.add_event(IceEventKind::failed);
}

bool IceAgent::is_validated(const Pair& pair, TimePoint now) const {
  return pair.ever_answered && now - pair.answered < limits_.consent_lost;
}

bool IceAgent::may_take_over(const Pair& pair) const {
  const bool given_up = !pair.ever_answered && pair.unanswered >= limits_.max_checks;
  return &pair != &pairs_[selected_] && pair.next == TimePoint::max() && !given_up;
}

void IceAgent::answer(const StunMessageView& message, const Address& from, std::uint16_t code,
                      IceOutput& out) {
  std::array<std::uint8_t, 128> bytes;
  const std::size_t size =
      code == 0
          ? write_binding_success(bytes, message.transaction, from, local_key_)
          : write_binding_error(bytes, message.transaction, code, local_key_,
                                std::span(message.unknown).first(code == 420 ? message.unknown_count : 0));
  // The source may be forged even when the content is not: an answer is never larger than its request.
  if (size == 0 || size > message.bytes.size()) return;
  IceDatagram* datagram = out.add_datagram(from);
  if (datagram == nullptr) return;
  std::copy_n(bytes.begin(), size, datagram->bytes.begin());
  datagram->size = static_cast<std::uint16_t>(size);
  if (code == 0) ++counters_.requests_answered;
}

Duration IceAgent::consent_pause() const {
  // RFC 7675 5.1: between 0.8 and 1.2 of the interval, so that checks of many endpoints do not fall together.
  return limits_.consent_interval * (800 + random_u32() % 401) / 1000;
}

void IceAgent::schedule() {
  deadline_ = TimePoint::max();
  if (state_ == IceState::failed) return;
  const auto at = [this](TimePoint time) { deadline_ = std::min(deadline_, time); };
  for (const Pair& pair : pairs_) at(pair.next);
  if (selected_ == kNone) {
    if (!remote_ufrag_.empty()) at(remote_since_ + limits_.connect_deadline);
    return;
  }
  const Pair& selected = pairs_[selected_];
  at(selected.answered + limits_.consent_lost);
  if (state_ == IceState::connected) at(heard_ + limits_.interrupted);
  if (selected.sent <= selected.heard) at(selected.heard + limits_.suspicious);
  for (const Pair& pair : pairs_) {
    if (may_take_over(pair)) at(std::max(selected.heard + limits_.silent, pair.sent + limits_.check_most));
  }
}

}  // namespace roomgate::sfu::transport
