#include "bench/roomload/transport/ice_client.hpp"

#include <algorithm>

#include "base/random.hpp"

namespace roomgate::bench::roomload::transport {

using sfu::transport::BindingRequest;
using sfu::transport::HmacSha1;
using sfu::transport::IceDatagram;
using sfu::transport::IceOutput;
using sfu::transport::StunClass;
using sfu::transport::StunMessageView;

IceClient::IceClient(const IceClientLimits& limits)
    : limits_(limits),
      ufrag_(random_hex(4)),
      pwd_(random_hex(12)),
      own_key_(as_bytes(pwd_)),
      tie_breaker_(random_u64()) {}

void IceClient::start(const std::vector<Candidate>& remote, const std::string& ufrag, const std::string& pwd,
                      TimePoint now, IceRole role) {
  role_ = role;
  remote_key_ = HmacSha1(as_bytes(pwd));
  username_ = ufrag + ":" + ufrag_;
  for (const Candidate& candidate : remote) {
    if (pairs_.size() == limits_.max_pairs) break;
    Pair pair;
    pair.address = candidate.address;
    pair.priority = candidate.priority;
    pairs_.push_back(pair);
  }
  std::stable_sort(pairs_.begin(), pairs_.end(),
                   [](const Pair& a, const Pair& b) { return a.priority > b.priority; });
  TimePoint at = now;
  for (Pair& pair : pairs_) {
    pair.next = at;
    pair.pause = limits_.repeat_first;
    at += limits_.pace;
  }
  started_ = now;
  state_ = IceClientState::checking;
  schedule();
}

std::size_t IceClient::find(const Address& address) {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (pairs_[i].address == address) return i;
  }
  return kNone;
}

void IceClient::send_check(Pair& pair, TimePoint now, IceOutput& out) {
  pair.next = now + (state_ == IceClientState::connected ? limits_.consent_every : pair.pause);
  pair.pause = std::min(pair.pause * 2, limits_.repeat_most);
  IceDatagram* datagram = out.add_datagram(pair.address);
  if (datagram == nullptr) return;
  auto& transaction = pair.sent[pair.next_sent++ % pair.sent.size()];
  random_bytes(transaction);
  // What the address would have as a peer-reflexive candidate of a browser's (RFC 8445 7.1.1).
  constexpr std::uint32_t kPriority = 1853817087;
  const BindingRequest request{.transaction = transaction,
                               .username = username_,
                               .priority = kPriority,
                               .tie_breaker = tie_breaker_,
                               .controlling = role_ == IceRole::controlling,
                               .use_candidate = nominating_ != kNone && &pair == &pairs_[nominating_]};
  datagram->size = static_cast<std::uint16_t>(write_binding_request(datagram->bytes, request, remote_key_));
}

void IceClient::consume(const StunMessageView& message, const Address& from, TimePoint now, IceOutput& out) {
  if (state_ == IceClientState::fresh || state_ == IceClientState::failed) return;
  if (message.is_binding(StunClass::request)) {
    on_request(message, from, now, out);
  } else if (message.is_binding(StunClass::success)) {
    on_success(message, from, now, out);
  }
  schedule();
}

void IceClient::on_request(const StunMessageView& message, const Address& from, TimePoint now,
                           IceOutput& out) {
  if (sfu::transport::local_ufrag_of(message.username) != ufrag_ || !message.integrity_matches(own_key_))
    return;
  heard_ = true;
  IceDatagram* answer = out.add_datagram(from);
  if (answer != nullptr) {
    answer->size =
        static_cast<std::uint16_t>(write_binding_success(answer->bytes, message.transaction, from, own_key_));
  }
  std::size_t index = find(from);
  if (index == kNone) {
    if (pairs_.size() == limits_.max_pairs) return;
    // A peer-reflexive candidate of the bridge's: an address that it did not offer.
    Pair pair;
    pair.address = from;
    pair.pause = limits_.repeat_first;
    pairs_.push_back(pair);
    index = pairs_.size() - 1;
  }
  Pair& pair = pairs_[index];
  if (message.use_candidate) pair.nominated = true;
  if (pair.answered) {
    if (pair.nominated) select(index, now);
  } else {
    send_check(pair, now, out);  // RFC 8445 7.3.1.4: a triggered check
  }
}

void IceClient::on_success(const StunMessageView& message, const Address& from, TimePoint now,
                           IceOutput& out) {
  const std::size_t index = find(from);
  if (index == kNone || !message.integrity_matches(remote_key_)) return;
  Pair& pair = pairs_[index];
  if (std::find(pair.sent.begin(), pair.sent.end(), message.transaction) == pair.sent.end()) return;
  heard_ = true;
  last_answer_ = now;
  pair.answered = true;
  first_answer_ = std::min(first_answer_, now);
  if (role_ == IceRole::controlling && nominating_ == kNone) {
    // RFC 8445 8.1.1: one more check, with the nomination; what was asked before it nominates nothing.
    nominating_ = index;
    pair.nominated = true;
    pair.sent = {};
    pair.pause = limits_.repeat_first;
    return send_check(pair, now, out);
  }
  if (pair.nominated) select(index, now);
}

void IceClient::select(std::size_t index, TimePoint now) {
  if (selected_ == index && state_ == IceClientState::connected) return;
  if (state_ == IceClientState::checking) last_answer_ = now;
  selected_ = index;
  state_ = IceClientState::connected;
  pairs_[index].next = now + limits_.consent_every;
}

void IceClient::tick(TimePoint now, IceOutput& out) {
  if (now < deadline_) return;
  if (state_ == IceClientState::checking) {
    if (now - started_ >= limits_.connect_deadline) {
      state_ = IceClientState::failed;
    } else if (first_answer_ != TimePoint::max() && now - first_answer_ >= limits_.patience) {
      // A bridge that never nominates: the best pair that answered is the one, as for Chromium.
      const auto best =
          std::find_if(pairs_.begin(), pairs_.end(), [](const Pair& pair) { return pair.answered; });
      select(static_cast<std::size_t>(best - pairs_.begin()), now);
    }
  }
  if (state_ == IceClientState::connected && now - last_answer_ >= limits_.consent_lost) {
    state_ = IceClientState::failed;
  }
  if (state_ == IceClientState::checking) {
    for (Pair& pair : pairs_) {
      if (pair.next <= now) send_check(pair, now, out);
    }
  } else if (state_ == IceClientState::connected && pairs_[selected_].next <= now) {
    send_check(pairs_[selected_], now, out);
  }
  schedule();
}

void IceClient::schedule() {
  deadline_ = TimePoint::max();
  if (state_ == IceClientState::checking) {
    deadline_ = started_ + limits_.connect_deadline;
    if (first_answer_ != TimePoint::max()) deadline_ = std::min(deadline_, first_answer_ + limits_.patience);
    for (const Pair& pair : pairs_) deadline_ = std::min(deadline_, pair.next);
  } else if (state_ == IceClientState::connected) {
    deadline_ = std::min(pairs_[selected_].next, last_answer_ + limits_.consent_lost);
  }
}

}  // namespace roomgate::bench::roomload::transport
