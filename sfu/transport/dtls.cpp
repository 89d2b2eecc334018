#include "sfu/transport/dtls.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "base/encoding.hpp"
#include "base/random.hpp"

namespace roomgate::sfu::transport {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Key = std::unique_ptr<EVP_PKEY, FreeKey>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

// RFC 8827 6.5 and what browsers offer; GCM first, since it is the cheap one: one pass instead
// of two, and no SHA-1.
constexpr const char* kSrtpProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
// Our certificate is ECDSA, so these are all that can be agreed on under RFC 8827's rules.
constexpr const char* kCipherSuites =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305";
constexpr const char* kGroups = "X25519:P-256:P-384";

std::string hex_with_colons(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (std::uint8_t b : bytes) {
    if (!out.empty()) out += ':';
    out += kDigits[b >> 4];
    out += kDigits[b & 15];
  }
  return out;
}

Certificate self_signed(EVP_PKEY* key) {
  Certificate certificate(X509_new());
  if (!certificate) return nullptr;
  X509* const x = certificate.get();
  // Nobody reads the name: the fingerprint in signalling is what vouches for it (RFC 8122 5).
  const std::uint64_t serial = random_u64() >> 1 | 1;
  X509_NAME* const name = X509_get_subject_name(x);
  const std::string common_name = random_hex(8);
  const bool ok = X509_set_version(x, 2) == 1 &&
                  ASN1_INTEGER_set_uint64(X509_get_serialNumber(x), serial) == 1 &&
                  X509_gmtime_adj(X509_getm_notBefore(x), -24 * 3600L) != nullptr &&
                  X509_gmtime_adj(X509_getm_notAfter(x), 365 * 24 * 3600L) != nullptr &&
                  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                             reinterpret_cast<const unsigned char*>(common_name.data()),
                                             static_cast<int>(common_name.size()), -1, 0) == 1 &&
                  X509_set_issuer_name(x, name) == 1 && X509_set_pubkey(x, key) == 1 &&
                  X509_sign(x, key, EVP_sha256()) > 0;
  return ok ? std::move(certificate) : nullptr;
}

// The one place that decides whether a certificate is the one signalling spoke of.
bool certificate_matches(X509* certificate, const ExpectedFingerprint& expected) {
  const EVP_MD* digest = EVP_get_digestbynid(expected.digest_nid);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> value;
  unsigned size = 0;
  return certificate != nullptr && digest != nullptr &&
         X509_digest(certificate, digest, value.data(), &size) == 1 && size == expected.value.size() &&
         CRYPTO_memcmp(value.data(), expected.value.data(), size) == 0;
}

int server_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// What IPv6 and UDP take of the link's MTU.
constexpr long kDatagramOverhead = 48;

}  // namespace

// The BIO under an association: one read is one datagram that came, one write one that goes. (OpenSSL 3.0's
// memory BIO is a stream and forgets where datagrams end.)
struct DtlsServer::Pipe {
  ByteView incoming;
  std::vector<std::vector<std::uint8_t>> outgoing;
};

struct DtlsCallbacks {
  using Pipe = DtlsServer::Pipe;
  static constexpr std::size_t kMaxOutgoing = 64;

  static int write(BIO* bio, const char* data, int size) {
    Pipe& pipe = *static_cast<Pipe*>(BIO_get_data(bio));
    if (size > 0 && pipe.outgoing.size() < kMaxOutgoing) pipe.outgoing.emplace_back(data, data + size);
    return size;
  }

  static int read(BIO* bio, char* data, int size) {
    Pipe& pipe = *static_cast<Pipe*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (pipe.incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t taken = std::min(pipe.incoming.size(), static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(data, pipe.incoming.data(), taken);
    pipe.incoming = {};  // as with a socket: what did not fit is gone
    return static_cast<int>(taken);
  }

  static long control(BIO*, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD: return kDatagramOverhead;
      default: return 0;
    }
  }

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "roomgate datagrams");
      if (m == nullptr) std::abort();
      BIO_meth_set_write(m, &write);
      BIO_meth_set_read(m, &read);
      BIO_meth_set_ctrl(m, &control);
      return m;
    }();
    return made;
  }

  // In place of a chain check: the fingerprint, if it is known already. If not, the handshake goes on and
  // keys wait.
  static int verify(X509_STORE_CTX* store, void*) {
    SSL* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
    DtlsServer* server = static_cast<DtlsServer*>(SSL_get_ex_data(ssl, server_index()));
    if (server->expected_ && !certificate_matches(X509_STORE_CTX_get0_cert(store), *server->expected_)) {
      server->mismatch_ = true;
      X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
      return 0;
    }
    X509_STORE_CTX_set_error(store, X509_V_OK);
    return 1;
  }

  // OpenSSL's own timer reads the system's clock; ours takes `now`. This one is set to never.
  static unsigned int never(SSL*, unsigned int) { return 3'600'000'000u; }
};

std::string_view to_string(DtlsError error) {
  switch (error) {
    case DtlsError::bad_fingerprint: return "bad fingerprint";
    case DtlsError::fingerprint_mismatch: return "fingerprint mismatch";
    case DtlsError::no_certificate: return "no certificate";
    case DtlsError::no_srtp_profile: return "no common srtp profile";
    case DtlsError::handshake_failed: return "handshake failed";
    case DtlsError::timed_out: return "timed out";
    case DtlsError::limit_exceeded: return "limit exceeded";
    case DtlsError::certificate_failed: return "own certificate could not be made";
  }
  return "";
}

Result<std::unique_ptr<DtlsContext>, DtlsError> DtlsContext::make() {
  std::unique_ptr<DtlsContext> out(new DtlsContext);
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return fail(DtlsError::certificate_failed);
  const Certificate certificate = self_signed(key.get());
  out->context_ = SSL_CTX_new(DTLS_server_method());
  SSL_CTX* const context = out->context_;
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  const bool ok = certificate && context != nullptr &&
                  X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) == 1 &&
                  SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1 &&
                  SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) == 1 &&
                  SSL_CTX_use_certificate(context, certificate.get()) == 1 &&
                  SSL_CTX_use_PrivateKey(context, key.get()) == 1 &&
                  SSL_CTX_set_cipher_list(context, kCipherSuites) == 1 &&
                  SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
                  SSL_CTX_set_tlsext_use_srtp(context, kSrtpProfiles) == 0;  // 0 is success here
  if (!ok) return fail(DtlsError::certificate_failed);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_NO_QUERY_MTU | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_cert_verify_callback(context, &DtlsCallbacks::verify, nullptr);
  out->fingerprint_ = hex_with_colons(ByteView(digest).first(size));
  return out;
}

DtlsContext::~DtlsContext() { SSL_CTX_free(context_); }

Result<ExpectedFingerprint, DtlsError> ExpectedFingerprint::parse(std::string_view hash,
                                                                  std::string_view value) {
  struct Known {
    std::string_view name;
    int nid;
    std::size_t size;
  };
  constexpr std::array<Known, 4> kKnown = {{{"sha-1", NID_sha1, 20},
                                            {"sha-256", NID_sha256, 32},
                                            {"sha-384", NID_sha384, 48},
                                            {"sha-512", NID_sha512, 64}}};
  const auto known =
      std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return ascii_iequals(k.name, hash); });
  if (known == kKnown.end() || value.size() != known->size * 3 - 1) return fail(DtlsError::bad_fingerprint);
  ExpectedFingerprint out{known->nid, {}};
  for (std::size_t at = 0; at < value.size(); at += 3) {
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(value.data() + at, value.data() + at + 2, byte, 16);
    if (error != std::errc{} || end != value.data() + at + 2) return fail(DtlsError::bad_fingerprint);
    if (at + 2 < value.size() && value[at + 2] != ':') return fail(DtlsError::bad_fingerprint);
    out.value.push_back(byte);
  }
  return out;
}

DtlsServer::DtlsServer(const DtlsContext& context, TimePoint now, const DtlsLimits& limits)
    : limits_(limits),
      started_(now),
      pipe_(std::make_unique<Pipe>()),
      ssl_(SSL_new(context.native())),
      retransmit_pause_(limits.retransmit_first) {
  BIO* const bio = BIO_new(DtlsCallbacks::method());
  if (ssl_ == nullptr || bio == nullptr) std::abort();  // out of memory
  BIO_set_data(bio, pipe_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_ex_data(ssl_, server_index(), this);
  SSL_set_max_cert_list(ssl_, static_cast<long>(limits_.max_certificate_bytes));
  DTLS_set_link_mtu(ssl_, static_cast<long>(limits_.link_mtu));
  DTLS_set_timer_cb(ssl_, &DtlsCallbacks::never);
  SSL_set_accept_state(ssl_);
}

DtlsServer::~DtlsServer() { SSL_free(ssl_); }

void DtlsServer::expect(std::string_view hash, std::string_view value, TimePoint now, DtlsOutput& out) {
  if (expected_ || finished_at_) return;
  auto parsed = ExpectedFingerprint::parse(hash, value);
  if (!parsed) {
    fail_with(parsed.error(), now, out);
    return;
  }
  expected_ = std::move(*parsed);
  if (state_ == DtlsState::unverified) release_keys(now, out);
}

void DtlsServer::consume(ByteView datagram, TimePoint now, DtlsOutput& out) {
  if (datagram.empty() || state_ == DtlsState::failed || state_ == DtlsState::closed) return;
  if (state_ == DtlsState::connected) {
    if (++datagrams_after_ > limits_.max_datagrams_after) return;
  } else {
    bytes_in_ += datagram.size();
    if (++datagrams_in_ > limits_.max_datagrams || bytes_in_ > limits_.max_bytes) {
      fail_with(DtlsError::limit_exceeded, now, out);
      return;
    }
  }
  pipe_->incoming = datagram;
  ERR_clear_error();
  if (state_ == DtlsState::handshaking) {
    advance(now, out);
  } else {
    read_after_handshake(now, out);
  }
  pipe_->incoming = {};
}

void DtlsServer::advance(TimePoint now, DtlsOutput& out) {
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    state_ = DtlsState::unverified;
    flush(now, out);
    // Our last flight is not repeated by time: the client asks again if it did not come (RFC 6347 4.2.4).
    flight_.clear();
    retransmit_at_ = TimePoint::max();
    if (expected_) release_keys(now, out);
    return;
  }
  const int error = SSL_get_error(ssl_, result);
  flush(now, out);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  const unsigned long reason = ERR_peek_error();
  if (mismatch_) {
    fail_with(DtlsError::fingerprint_mismatch, now, out);
  } else if (ERR_GET_LIB(reason) == ERR_LIB_SSL &&
             ERR_GET_REASON(reason) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    fail_with(DtlsError::no_certificate, now, out);
  } else {
    fail_with(DtlsError::handshake_failed, now, out);
  }
}

void DtlsServer::read_after_handshake(TimePoint now, DtlsOutput& out) {
  std::array<std::uint8_t, 2048> data;
  // A datagram holds several records; each turn takes one, and a datagram cannot hold more than this many.
  for (int turn = 0; turn < 256; ++turn) {
    const int result = SSL_read(ssl_, data.data(), static_cast<int>(data.size()));
    if (result > 0) continue;  // application data: nobody speaks any here
    const int error = SSL_get_error(ssl_, result);
    flush(now, out);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    if (state_ == DtlsState::unverified) {
      fail_with(DtlsError::handshake_failed, now, out);
    } else {
      finish(DtlsState::closed, now);
      out.closed = true;
    }
    return;
  }
}

void DtlsServer::release_keys(TimePoint now, DtlsOutput& out) {
  const Certificate certificate(SSL_get1_peer_certificate(ssl_));
  if (!certificate) return fail_with(DtlsError::no_certificate, now, out);
  if (!certificate_matches(certificate.get(), *expected_)) {
    return fail_with(DtlsError::fingerprint_mismatch, now, out);
  }
  const SRTP_PROTECTION_PROFILE* agreed = SSL_get_selected_srtp_profile(ssl_);
  if (agreed == nullptr) return fail_with(DtlsError::no_srtp_profile, now, out);
  SrtpKeys keys;
  keys.profile = static_cast<SrtpProfile>(agreed->id);
  // RFC 5764 4.2: client key, server key, client salt, server salt.
  const std::size_t key = key_size(keys.profile);
  const std::size_t salt = salt_size(keys.profile);
  std::array<std::uint8_t, 2 * (32 + 14)> material;
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  if (SSL_export_keying_material(ssl_, material.data(), 2 * (key + salt), kLabel.data(), kLabel.size(),
                                 nullptr, 0, 0) != 1) {
    return fail_with(DtlsError::handshake_failed, now, out);
  }
  const std::uint8_t* at = material.data();
  std::memcpy(keys.client.key.data(), at, key);
  std::memcpy(keys.server.key.data(), at + key, key);
  std::memcpy(keys.client.salt.data(), at + 2 * key, salt);
  std::memcpy(keys.server.salt.data(), at + 2 * key + salt, salt);
  OPENSSL_cleanse(material.data(), material.size());
  finish(DtlsState::connected, now);
  out.keys = keys;
}

void DtlsServer::finish(DtlsState state, TimePoint now) {
  state_ = state;
  finished_at_ = now;
  retransmit_at_ = TimePoint::max();
  flight_.clear();
}

void DtlsServer::fail_with(DtlsError error, TimePoint now, DtlsOutput& out) {
  if (state_ == DtlsState::unverified) {
    // The handshake itself went well, so the client is told in the only way that is left.
    ERR_clear_error();
    SSL_shutdown(ssl_);
    flush(now, out);
  }
  ERR_clear_error();
  finish(DtlsState::failed, now);
  out.failure = error;
}

void DtlsServer::close(TimePoint now, DtlsOutput& out) {
  if (state_ != DtlsState::connected) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  flush(now, out);
  finish(DtlsState::closed, now);
}

void DtlsServer::flush(TimePoint now, DtlsOutput& out) {
  if (pipe_->outgoing.empty()) return;
  for (const auto& datagram : pipe_->outgoing) out.datagrams.push_back(datagram);
  if (state_ == DtlsState::handshaking) {
    flight_ = std::move(pipe_->outgoing);
    retransmit_pause_ = limits_.retransmit_first;
    retransmit_at_ = now + retransmit_pause_;
  }
  pipe_->outgoing.clear();
}

void DtlsServer::tick(TimePoint now, DtlsOutput& out) {
  if (finished_at_ || now < next_deadline()) return;
  if (now - started_ >= limits_.deadline) {
    fail_with(DtlsError::timed_out, now, out);
    return;
  }
  if (now < retransmit_at_) return;
  // The same datagrams again, byte for byte: to the client, one that the network delivered late or twice. Its
  // replay window drops what it had and takes what it missed.
  for (const auto& datagram : flight_) out.datagrams.push_back(datagram);
  retransmit_pause_ = std::min(retransmit_pause_ * 2, limits_.retransmit_most);
  retransmit_at_ = now + retransmit_pause_;
}

TimePoint DtlsServer::next_deadline() const {
  if (finished_at_) return TimePoint::max();
  return std::min(retransmit_at_, started_ + limits_.deadline);
}

}  // namespace roomgate::sfu::transport
