#include "bench/roomload/transport/media_transport.hpp"

#include <algorithm>

#include "sfu/transport/demux.hpp"

namespace roomgate::bench::roomload::transport {

using sfu::transport::classify;
using sfu::transport::DatagramKind;
using sfu::transport::SrtpDirection;
using sfu::transport::SrtpError;
using sfu::transport::SrtpPacket;
using sfu::transport::SrtpSession;
using signal::Problem;
using signal::ProblemKind;

namespace {

constexpr int kBatchesATurn = 4;  // then the other participants

std::unique_ptr<network::Link> link_for(const network::Impairment& impairment, std::uint64_t seed) {
  auto link = std::make_unique<network::Link>(impairment, seed);
  if (link->transparent()) link.reset();
  return link;
}

}  // namespace

MediaTransport::MediaTransport(Desk& desk, const DtlsIdentity& identity, Listener& listener,
                               const network::Profile& network, std::uint64_t seed, TransportCounts& counts)
    : desk_(desk),
      identity_(identity),
      listener_(listener),
      counts_(counts),
      up_(link_for(network.up, seed)),
      down_(link_for(network.down, seed + 1)) {}

MediaTransport::~MediaTransport() {
  if (desk_.sender == this) {
    desk_.sender = nullptr;
    desk_.waiting = 0;
  }
}

std::optional<sfu::transport::SrtpProfile> MediaTransport::profile() const {
  if (outbound_ == nullptr) return std::nullopt;
  return outbound_->profile();
}

void MediaTransport::start(const signal::Offer& offer, TimePoint now) {
  hash_ = offer.fingerprint_hash;
  fingerprint_ = offer.fingerprint;
  // One socket, one family: that of the best candidate.
  const auto best = std::max_element(offer.candidates.begin(), offer.candidates.end(),
                                     [](const auto& a, const auto& b) { return a.priority < b.priority; });
  const bool v4 = best->address.is_v4();
  std::vector<IceClient::Candidate> candidates;
  for (const signal::OfferedCandidate& candidate : offer.candidates) {
    if (candidate.address.is_v4() != v4) continue;
    candidates.push_back({candidate.address, candidate.priority});
    offered_ += (offered_.empty() ? "" : ", ") + candidate.address.to_string();
  }
  if (!socket_.open(desk_.core, v4, *this)) {
    return fail_with(ProblemKind::local,
                     "this machine has no more UDP sockets to give (ulimit -n, or ports)");
  }
  ice_.start(candidates, offer.ufrag, offer.pwd, now,
             offer.ice_lite ? IceRole::controlling : IceRole::controlled);
  desk_.ice.clear();
  ice_.tick(now, desk_.ice);
  after_ice(now);
}

void MediaTransport::close() {
  if (dtls_ != nullptr && !failed_) {
    dtls_->close();
    for (const auto& datagram : dtls_->take_output()) socket_.send(datagram, ice_.selected(), counts_.socket);
  }
  Timer::cancel();
  desk_.pacer.schedule(link_timer_, TimePoint::max());
  socket_.close();
  failed_ = true;
}

void MediaTransport::fail_with(ProblemKind kind, std::string text) {
  if (failed_) return;
  failed_ = true;
  Timer::cancel();
  listener_.on_failed({kind, std::move(text)});
}

// ---- in

void MediaTransport::on_events(std::uint32_t) { read(desk_.core.now()); }
void MediaTransport::on_turn() { read(Clock::now()); }

void MediaTransport::read(TimePoint now) {
  for (int i = 0; i < kBatchesATurn; ++i) {
    if (failed_) return;
    const std::size_t count = socket_.receive(desk_, now, counts_.socket);
    if (count == 0) return;
    take(std::span(desk_.arrived).first(count), now);
    // Less than there was room for: what comes later is an event of its own.
    if (count < Desk::kBatch) return;
  }
  if (!is_linked()) desk_.core.soon(*this);
}

void MediaTransport::take(std::span<const Arrived> batch, TimePoint now) {
  if (down_ == nullptr) return give(batch, now);
  for (const Arrived& datagram : batch) {
    if (classify(datagram.bytes) == DatagramKind::stun) {
      on_stun(datagram, now);
    } else {
      down_->push(datagram.bytes, datagram.at);
    }
  }
  run_links(now);
}

void MediaTransport::give(std::span<const Arrived> batch, TimePoint now) {
  std::size_t packets = 0;
  for (const Arrived& datagram : batch) {
    switch (classify(datagram.bytes)) {
      case DatagramKind::stun: on_stun(datagram, now); break;
      case DatagramKind::dtls:
        if (dtls_ == nullptr || failed_) break;
        dtls_->consume(datagram.bytes);
        after_dtls(now);
        break;
      case DatagramKind::rtcp: {
        if (inbound_ == nullptr) break;
        const auto size = inbound_->unprotect_rtcp(datagram.bytes);
        if (!size) {
          ++counts_.not_authentic;
          break;
        }
        listener_.on_rtcp(datagram.bytes.first(*size), datagram.at);
        break;
      }
      case DatagramKind::rtp:
        if (inbound_ == nullptr) break;
        desk_.opening[packets] = {inbound_.get(), datagram.bytes, datagram.bytes.size(), std::nullopt};
        desk_.opening_at[packets++] = datagram.at;
        break;
      case DatagramKind::other: ++counts_.strange; break;
    }
    if (failed_) return;
  }
  SrtpSession::unprotect_rtp(std::span(desk_.opening).first(packets));
  for (std::size_t i = 0; i < packets; ++i) {
    const SrtpPacket& packet = desk_.opening[i];
    if (packet.error) {
      const bool twice = *packet.error == SrtpError::replayed || *packet.error == SrtpError::old;
      ++(twice ? counts_.replayed : counts_.not_authentic);
      continue;
    }
    listener_.on_rtp(packet.buffer.first(packet.size), desk_.opening_at[i]);
  }
  if (!connected()) return;
  listener_.on_batch(now);
  flush(now);
}

// ---- ICE and DTLS

void MediaTransport::on_stun(const Arrived& datagram, TimePoint now) {
  const auto message = sfu::transport::StunMessageView::parse(datagram.bytes);
  if (!message) return;
  desk_.ice.clear();
  ice_.consume(*message, datagram.from, now, desk_.ice);
  after_ice(now);
}

void MediaTransport::after_ice(TimePoint now) {
  for (const sfu::transport::IceDatagram& datagram : desk_.ice.datagrams()) {
    socket_.send(datagram.view(), datagram.to, counts_.socket);
  }
  desk_.ice.clear();
  if (ice_.state() == IceClientState::failed) {
    if (connected()) {
      return fail_with(ProblemKind::lost,
                       "the bridge at " + ice_.selected().to_string() + " has gone silent");
    }
    return fail_with(
        ProblemKind::ice,
        "no media path: " + offered_ + " (UDP) " +
            (ice_.heard() ? "answers, but the checks do not come to an end"
                          : "does not answer: UDP is blocked on the way, the bridge is down, or it "
                            "offers an address that cannot be reached from here"));
  }
  if (ice_.state() == IceClientState::connected && dtls_ == nullptr) {
    dtls_ = std::make_unique<DtlsClient>(identity_, hash_, fingerprint_);
    dtls_->start();
    return after_dtls(now);
  }
  schedule(now);
}

void MediaTransport::after_dtls(TimePoint now) {
  for (const auto& datagram : dtls_->take_output()) send_now(datagram, now);
  switch (dtls_->state()) {
    case DtlsClient::State::handshaking: break;
    case DtlsClient::State::connected: {
      if (connected()) break;
      const auto keys = dtls_->keys();
      inbound_ = std::make_unique<SrtpSession>(keys.profile, keys.server, SrtpDirection::unprotect);
      outbound_ = std::make_unique<SrtpSession>(keys.profile, keys.client, SrtpDirection::protect);
      // From here on it is media that comes; where there is no memory for rounds, as it happens.
      socket_.read_by_rounds(desk_.rounds, *this);
      listener_.on_connected(now);
      break;
    }
    case DtlsClient::State::failed:
      return fail_with(ProblemKind::dtls,
                       "no DTLS with the bridge at " + ice_.selected().to_string() + ": " + dtls_->reason());
    case DtlsClient::State::closed:
      return fail_with(ProblemKind::lost,
                       "the bridge at " + ice_.selected().to_string() + " ended the media");
  }
  schedule(now);
}

void MediaTransport::schedule(TimePoint now) {
  if (failed_) return;
  TimePoint due = ice_.next_deadline();
  if (dtls_ != nullptr) due = std::min(due, dtls_->next_deadline(now));
  if (due == TimePoint::max()) {
    Timer::cancel();
  } else {
    desk_.core.schedule(*this, due);
  }
}

void MediaTransport::on_expire() {
  const TimePoint now = desk_.core.now();
  if (dtls_ != nullptr) {
    dtls_->tick();
    after_dtls(now);
    if (failed_) return;
  }
  desk_.ice.clear();
  ice_.tick(now, desk_.ice);
  after_ice(now);
}

// ---- out

ByteSpan MediaTransport::space() {
  if (desk_.sender != this) {
    if (desk_.sender != nullptr) desk_.sender->flush(desk_.core.now());
    desk_.sender = this;
  }
  if (desk_.waiting == Desk::kBatch) {
    flush(desk_.core.now());
    desk_.sender = this;
  }
  return {desk_.slot_out(desk_.waiting), media::kMaxPacket};
}

void MediaTransport::send_rtp(std::size_t size) {
  if (!connected() || failed_) return;
  desk_.sizes[desk_.waiting] = static_cast<std::uint16_t>(size);
  desk_.sealed[desk_.waiting++] = false;
}

void MediaTransport::send_rtcp(std::size_t size) {
  if (!connected() || failed_) return;
  const auto sealed = outbound_->protect_rtcp({desk_.slot_out(desk_.waiting), Desk::kSlot}, size);
  if (!sealed) return;
  desk_.sizes[desk_.waiting] = static_cast<std::uint16_t>(*sealed);
  desk_.sealed[desk_.waiting++] = true;
}

void MediaTransport::flush(TimePoint now) {
  if (desk_.sender != this) return;
  desk_.sender = nullptr;
  const std::size_t count = std::exchange(desk_.waiting, 0);
  if (count == 0 || !connected() || failed_) return;
  std::size_t packets = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (desk_.sealed[i]) continue;
    desk_.sealing[packets++] = {
        outbound_.get(), {desk_.slot_out(i), Desk::kSlot}, desk_.sizes[i], std::nullopt};
  }
  SrtpSession::protect_rtp(std::span(desk_.sealing).first(packets));
  packets = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!desk_.sealed[i]) desk_.sizes[i] = static_cast<std::uint16_t>(desk_.sealing[packets++].size);
  }
  if (up_ == nullptr) {
    return socket_.send_batch(desk_, std::span(desk_.sizes).first(count), ice_.selected(), counts_.socket);
  }
  for (std::size_t i = 0; i < count; ++i) up_->push({desk_.slot_out(i), desk_.sizes[i]}, now);
  schedule_links();
}

void MediaTransport::send_now(ByteView datagram, TimePoint now) {
  if (up_ == nullptr) return socket_.send(datagram, ice_.selected(), counts_.socket);
  up_->push(datagram, now);
  schedule_links();
}

// ---- the network it is to have

void MediaTransport::run_links(TimePoint now) {
  if (failed_) return;
  if (down_ != nullptr) {
    down_->pop(now, [&](ByteSpan datagram, TimePoint due) {
      const Arrived arrived{datagram, ice_.state() == IceClientState::connected ? ice_.selected() : Address(),
                            due};
      give({&arrived, 1}, now);
    });
  }
  if (up_ != nullptr && !failed_) {
    up_->pop(now,
             [&](ByteSpan datagram, TimePoint) { socket_.send(datagram, ice_.selected(), counts_.socket); });
  }
  schedule_links();
}

void MediaTransport::schedule_links() {
  TimePoint due = TimePoint::max();
  if (down_ != nullptr) due = std::min(due, down_->next_due().value_or(TimePoint::max()));
  if (up_ != nullptr) due = std::min(due, up_->next_due().value_or(TimePoint::max()));
  desk_.pacer.schedule(link_timer_, due);
}

}  // namespace roomgate::bench::roomload::transport
