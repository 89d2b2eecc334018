// One DTLS 1.2 client association for SRTP keys, as a browser makes it: certificate, use_srtp, the server
// held against the fingerprint of the offer. Datagrams in and out, no socket. OpenSSL's own timer repeats
// lost flights, so it is this class alone that looks at a clock. Owned by a participant's transport, one
// thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "sfu/transport/srtp_keys.hpp"

namespace roomgate::bench::roomload::transport {

enum class SrtpChoice { any, gcm, cm };  // any: what a browser offers, GCM and CM

// The certificate and settings of all participants of a process: a browser makes one each, which the server
// cannot tell. Const after make(); any thread.
class DtlsIdentity {
 public:
  static std::unique_ptr<DtlsIdentity> make(SrtpChoice choice);  // nullptr: OpenSSL gives none
  ~DtlsIdentity();
  DtlsIdentity(const DtlsIdentity&) = delete;
  DtlsIdentity& operator=(const DtlsIdentity&) = delete;

  const std::string& fingerprint() const { return fingerprint_; }  // sha-256, upper-case hex with colons
  SSL_CTX* context() const { return context_; }

 private:
  DtlsIdentity() = default;
  SSL_CTX* context_ = nullptr;
  std::string fingerprint_;
};

class DtlsClient {
 public:
  enum class State { handshaking, connected, failed, closed };

  // `hash` and `fingerprint` as the offer says.
  DtlsClient(const DtlsIdentity& identity, std::string hash, std::string fingerprint);
  ~DtlsClient();
  DtlsClient(const DtlsClient&) = delete;
  DtlsClient& operator=(const DtlsClient&) = delete;

  void start() { advance(); }
  void consume(ByteView datagram);
  // Repeats a flight when it is time.
  void tick();
  TimePoint next_deadline(TimePoint now) const;
  void close();

  // What is to be sent, one datagram each.
  std::vector<std::vector<std::uint8_t>> take_output();
  State state() const { return state_; }
  const std::string& reason() const { return reason_; }  // of failed
  // Precondition: connected.
  sfu::transport::SrtpKeys keys() const;

 private:
  struct Pipe;
  void advance();
  bool fingerprint_matches() const;

  std::unique_ptr<Pipe> pipe_;
  SSL* ssl_ = nullptr;
  State state_ = State::handshaking;
  std::string hash_;
  std::string fingerprint_;
  std::string reason_;
};

}  // namespace roomgate::bench::roomload::transport
