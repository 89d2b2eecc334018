// A whole client for tests over loopback: checks and is checked as the controlled ICE side, does DTLS as a
// client, sends and receives SRTP. Single-threaded: turn() reads what came and sends what is due.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "sfu/bridge/control/control.hpp"
#include "sfu/congestion/transport_cc_collector.hpp"
#include "sfu/transport/srtp.hpp"
#include "sfu/transport/stun.hpp"
#include "tests/sfu/transport/dtls_client.hpp"

namespace roomgate::test {

struct ReceivedRtp {
  std::vector<std::uint8_t> bytes;  // in clear
  std::uint8_t payload_type() const { return bytes[1] & 0x7f; }
  std::uint16_t sequence() const { return load16(&bytes[2]); }
  std::uint32_t timestamp() const { return load32(&bytes[4]); }
  std::uint32_t ssrc() const { return load32(&bytes[8]); }
};

class MediaClient {
 public:
  explicit MediaClient(const sfu::transport::DtlsClientOptions& dtls = {});
  ~MediaClient();
  MediaClient(const MediaClient&) = delete;
  MediaClient& operator=(const MediaClient&) = delete;

  const std::string& ufrag() const { return ufrag_; }
  const std::string& pwd() const { return pwd_; }
  sfu::bridge::Fingerprint fingerprint() const { return {"sha-256", dtls_.fingerprint()}; }

  // Begins checking the server's first candidate that `ip` names (the first of all without one).
  void connect(const sfu::bridge::Allocated& allocated, const std::string& ip = "127.0.0.1");
  void turn();
  // A new socket, so a new port, with the same keys: a client's change of network.
  void move();

  bool ice_answered() const { return ice_answered_; }
  bool connected() const { return outbound_ != nullptr; }
  // While paused it neither reads nor sends: a dead link.
  void pause(bool paused) { paused_ = paused; }
  void hold_dtls() { hold_dtls_ = true; }
  // Sends no check of its own any more; still answers the server's.
  void hold_checks() { hold_checks_ = true; }
  // 50 ms at first, for joins that wait for nothing; browsers check every 2.5 s.
  void check_every(Duration interval) { check_interval_ = interval; }
  // Answers with transport-wide feedback, as Chromium does.
  void give_feedback() { feedback_ = true; }

  void send_raw(ByteView datagram);
  // The last datagram of media or RTCP as it left, to send it once more.
  const std::vector<std::uint8_t>& last_sealed() const { return last_sealed_; }
  void send_rtp(ByteView clear);
  void send_rtcp(ByteView clear);

  std::vector<ReceivedRtp> rtp;
  std::vector<std::vector<std::uint8_t>> rtcp;  // in clear
  std::size_t undecryptable = 0;
  std::size_t dtls_answers = 0;

 private:
  void open_socket();
  void on_datagram(ByteSpan datagram);
  void on_stun(ByteView datagram);
  void send_check();
  void step_dtls();
  void note_arrival(ByteView packet);
  void send_feedback();

  int fd_ = -1;
  Address server_;
  std::string ufrag_;
  std::string pwd_;
  std::string server_ufrag_;
  sfu::transport::HmacSha1 own_key_;
  sfu::transport::HmacSha1 server_key_;
  std::uint64_t tie_breaker_;
  Duration check_interval_ = milliseconds(50);
  TimePoint next_check_{};
  TimePoint next_dtls_{};
  bool ice_answered_ = false;
  bool checked_ = false;  // the server's check was answered: it will take our DTLS
  bool hold_dtls_ = false;
  bool hold_checks_ = false;
  bool paused_ = false;
  std::vector<std::uint8_t> last_sealed_;
  bool feedback_ = false;
  sfu::congestion::TransportCcCollector arrivals_;
  sfu::transport::DtlsClient dtls_;
  std::unique_ptr<sfu::transport::SrtpSession> inbound_;
  std::unique_ptr<sfu::transport::SrtpSession> outbound_;
};

}  // namespace roomgate::test
