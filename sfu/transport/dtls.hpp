// One DTLS 1.2 server association for SRTP keys (RFC 6347, 5764, 8122): datagrams in, datagrams and outcomes
// out; no socket, no clock. Lives on the handshake thread (handshake_thread.hpp), which owns it. Nothing
// leads to keys before the client's certificate matched the fingerprint from signalling.
//
//   handshaking              --finished, fingerprint known and equal-->            connected   (keys)
//   handshaking              --finished, fingerprint not yet told-->               unverified
//   unverified               --expect(), equal-->                                  connected   (keys)
//   handshaking, unverified  --error, other fingerprint, deadline or a limit-->    failed
//   connected                --close_notify or fatal alert-->                      closed
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "sfu/transport/srtp_keys.hpp"

// OpenSSL's own types stay out of this header.
struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace roomgate::sfu::transport {

enum class DtlsError {
  bad_fingerprint,  // signalling told something that is no fingerprint
  fingerprint_mismatch,
  no_certificate,
  no_srtp_profile,
  handshake_failed,  // protocol error or fatal alert, either side
  timed_out,
  limit_exceeded,
  certificate_failed,  // our own could not be made: start-up only
};
std::string_view to_string(DtlsError error);

// A self-signed ECDSA P-256 certificate and everything that handshakes share. One per process; outlives its
// associations; const after make(), so any thread.
class DtlsContext {
 public:
  static Result<std::unique_ptr<DtlsContext>, DtlsError> make();
  ~DtlsContext();
  DtlsContext(const DtlsContext&) = delete;
  DtlsContext& operator=(const DtlsContext&) = delete;

  // sha-256, upper-case hex with colons: for the offer.
  const std::string& fingerprint() const { return fingerprint_; }
  ssl_ctx_st* native() const { return context_; }

 private:
  DtlsContext() = default;
  ssl_ctx_st* context_ = nullptr;
  std::string fingerprint_;
};

struct DtlsLimits {
  std::size_t link_mtu = 1200;
  std::size_t max_datagrams = 128;        // in, before the handshake is done
  std::size_t max_bytes = 128 * 1024;     // in, before the handshake is done
  std::size_t max_datagrams_after = 256;  // in, while the object waits to be freed
  std::size_t max_certificate_bytes = 16 * 1024;
  Duration retransmit_first = milliseconds(250);
  Duration retransmit_most = seconds(2);
  Duration deadline = seconds(30);
};

// What a call wants done; the caller sends, handles and clears it. Each entry of `datagrams` is one UDP
// datagram.
struct DtlsOutput {
  std::vector<std::vector<std::uint8_t>> datagrams;
  std::optional<SrtpKeys> keys;
  std::optional<DtlsError> failure;
  bool closed = false;
  void clear() { *this = {}; }
};

enum class DtlsState { handshaking, unverified, connected, failed, closed };

// The fingerprint that signalling told, decoded: sha-1, sha-256, sha-384 and sha-512 are known (RFC 8122 5).
struct ExpectedFingerprint {
  int digest_nid = 0;
  std::vector<std::uint8_t> value;
  static Result<ExpectedFingerprint, DtlsError> parse(std::string_view hash, std::string_view value);
};

class DtlsServer {
 public:
  DtlsServer(const DtlsContext& context, TimePoint now, const DtlsLimits& limits = {});
  ~DtlsServer();
  DtlsServer(const DtlsServer&) = delete;
  DtlsServer& operator=(const DtlsServer&) = delete;

  // Before, during or after the handshake. The first one counts.
  void expect(std::string_view hash, std::string_view value, TimePoint now, DtlsOutput& out);
  void consume(ByteView datagram, TimePoint now, DtlsOutput& out);
  // Retransmission and deadline. Call at or after next_deadline(); calling early does nothing.
  void tick(TimePoint now, DtlsOutput& out);
  TimePoint next_deadline() const;
  // Tells the client goodbye (close_notify).
  void close(TimePoint now, DtlsOutput& out);

  DtlsState state() const { return state_; }
  // When connected, failed or closed was reached: 30 s later the object may go (a client whose last flight
  // was answered in vain asks again until then).
  std::optional<TimePoint> finished_at() const { return finished_at_; }

 private:
  friend struct DtlsCallbacks;
  struct Pipe;  // the two ends that OpenSSL reads and writes

  void advance(TimePoint now, DtlsOutput& out);
  void read_after_handshake(TimePoint now, DtlsOutput& out);
  void release_keys(TimePoint now, DtlsOutput& out);
  void finish(DtlsState state, TimePoint now);
  void fail_with(DtlsError error, TimePoint now, DtlsOutput& out);
  void flush(TimePoint now, DtlsOutput& out);

  const DtlsLimits limits_;
  const TimePoint started_;
  std::unique_ptr<Pipe> pipe_;
  ssl_st* ssl_ = nullptr;
  DtlsState state_ = DtlsState::handshaking;
  std::optional<ExpectedFingerprint> expected_;
  bool mismatch_ = false;  // found while the handshake was under way
  std::size_t datagrams_in_ = 0;
  std::size_t bytes_in_ = 0;
  std::size_t datagrams_after_ = 0;
  std::vector<std::vector<std::uint8_t>> flight_;  // what to repeat
  TimePoint retransmit_at_ = TimePoint::max();
  Duration retransmit_pause_{};
  std::optional<TimePoint> finished_at_;
};

}  // namespace roomgate::sfu::transport
