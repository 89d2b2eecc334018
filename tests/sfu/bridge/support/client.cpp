#include "tests/sfu/bridge/support/client.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/random.hpp"
#include "sfu/rtp/extensions.hpp"
#include "sfu/transport/demux.hpp"

namespace roomgate::test {

using namespace roomgate::sfu::transport;

MediaClient::MediaClient(const DtlsClientOptions& dtls)
    : ufrag_(random_hex(4)),
      pwd_(random_hex(16)),
      own_key_(as_bytes(pwd_)),
      tie_breaker_(random_u64()),
      dtls_(dtls) {
  open_socket();
}

MediaClient::~MediaClient() { ::close(fd_); }

void MediaClient::open_socket() {
  fd_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  REQUIRE(fd_ >= 0);
  const int bytes = 4 << 20;
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  const Address any = *Address::parse("127.0.0.1:0");
  REQUIRE(::bind(fd_, any.data(), any.size()) == 0);
}

void MediaClient::connect(const sfu::bridge::Allocated& allocated, const std::string& ip) {
  REQUIRE(!allocated.candidates.empty());
  server_ = *Address::from_ip(ip, allocated.candidates.front().port);
  server_ufrag_ = allocated.ufrag;
  server_key_ = HmacSha1(as_bytes(allocated.pwd));
}

void MediaClient::move() {
  ::close(fd_);
  open_socket();
  next_check_ = {};
}

void MediaClient::turn() {
  if (paused_) return;
  std::array<std::uint8_t, 2048> bytes;
  for (int i = 0; i < 1000; ++i) {
    const ssize_t size = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (size <= 0) break;
    on_datagram(ByteSpan(bytes).first(static_cast<std::size_t>(size)));
  }
  if (server_.port() == 0) return;
  if (feedback_ && connected()) send_feedback();
  const TimePoint now = Clock::now();
  if (now >= next_check_ && !hold_checks_) {
    next_check_ = now + check_interval_;
    send_check();
  }
  if (checked_ && !hold_dtls_ && !connected() && now >= next_dtls_) {
    next_dtls_ = now + milliseconds(50);
    dtls_.impatient = true;
    step_dtls();
  }
}

void MediaClient::on_datagram(ByteSpan datagram) {
  switch (classify(datagram)) {
    case DatagramKind::stun: return on_stun(datagram);
    case DatagramKind::dtls:
      ++dtls_answers;
      dtls_.receive(Datagram(datagram.begin(), datagram.end()));
      step_dtls();
      return;
    case DatagramKind::rtp:
    case DatagramKind::rtcp: {
      if (!inbound_) return;
      const bool control = classify(datagram) == DatagramKind::rtcp;
      const auto size = control ? inbound_->unprotect_rtcp(datagram) : inbound_->unprotect_rtp(datagram);
      if (!size) {
        ++undecryptable;
        return;
      }
      std::vector<std::uint8_t> clear(datagram.begin(),
                                      datagram.begin() + static_cast<std::ptrdiff_t>(*size));
      if (control) {
        rtcp.push_back(std::move(clear));
      } else {
        note_arrival(clear);
        rtp.push_back({std::move(clear)});
      }
      return;
    }
    case DatagramKind::other: return;
  }
}

void MediaClient::note_arrival(ByteView packet) {
  if (!feedback_) return;
  const auto view = sfu::rtp::RtpPacketView::parse(packet);
  const auto number = view ? sfu::rtp::transport_sequence(*view) : std::nullopt;
  if (number) arrivals_.on_packet(*number, Clock::now());
}

void MediaClient::send_feedback() {
  if (!arrivals_.due(Clock::now())) return;
  std::array<std::uint8_t, sfu::rtp::kMaxFeedbackBytes> bytes;
  while (const std::size_t size = arrivals_.build(1, 1, Clock::now(), bytes)) {
    send_rtcp(ByteView(bytes).first(size));
  }
}

void MediaClient::on_stun(ByteView datagram) {
  const auto message = StunMessageView::parse(datagram);
  if (!message) return;
  if (message->is_binding(StunClass::success) && message->integrity_matches(server_key_))
    ice_answered_ = true;
  if (!message->is_binding(StunClass::request) || !message->integrity_matches(own_key_)) return;
  std::array<std::uint8_t, 256> out;
  const std::size_t size = write_binding_success(out, message->transaction, server_, own_key_);
  send_raw(ByteView(out).first(size));
  checked_ = true;
}

void MediaClient::send_check() {
  BindingRequest request;
  random_bytes(request.transaction);
  const std::string username = server_ufrag_ + ":" + ufrag_;
  request.username = username;
  request.priority = 1845501695;
  request.tie_breaker = tie_breaker_;
  request.controlling = false;
  std::array<std::uint8_t, 512> out;
  const std::size_t size = write_binding_request(out, request, server_key_);
  send_raw(ByteView(out).first(size));
}

void MediaClient::step_dtls() {
  dtls_.step();
  for (const Datagram& datagram : dtls_.sent) send_raw(datagram);
  dtls_.sent.clear();
  if (!dtls_.done() || connected()) return;
  const SrtpKeys keys = dtls_.keys();
  inbound_ = std::make_unique<SrtpSession>(keys.profile, keys.server, SrtpDirection::unprotect);
  outbound_ = std::make_unique<SrtpSession>(keys.profile, keys.client, SrtpDirection::protect);
}

void MediaClient::send_raw(ByteView datagram) {
  ::sendto(fd_, datagram.data(), datagram.size(), 0, server_.data(), server_.size());
}

void MediaClient::send_rtp(ByteView clear) {
  REQUIRE(outbound_ != nullptr);
  std::array<std::uint8_t, 2048> bytes;
  std::copy(clear.begin(), clear.end(), bytes.begin());
  const auto size = outbound_->protect_rtp(bytes, clear.size());
  REQUIRE(size);
  last_sealed_.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*size));
  send_raw(last_sealed_);
}

void MediaClient::send_rtcp(ByteView clear) {
  REQUIRE(outbound_ != nullptr);
  std::array<std::uint8_t, 2048> bytes;
  std::copy(clear.begin(), clear.end(), bytes.begin());
  const auto size = outbound_->protect_rtcp(bytes, clear.size());
  REQUIRE(size);
  last_sealed_.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(*size));
  send_raw(last_sealed_);
}

}  // namespace roomgate::test
