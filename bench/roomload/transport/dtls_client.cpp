#include "bench/roomload/transport/dtls_client.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/x509.h>
#include <sys/time.h>

#include <array>
#include <cstring>
#include <utility>

#include "base/encoding.hpp"

namespace roomgate::bench::roomload::transport {
namespace {

constexpr long kLinkMtu = 1200;
constexpr std::size_t kMaxWaiting = 64;  // datagrams in one direction

std::string hex_with_colons(ByteView bytes) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const std::uint8_t byte : bytes) {
    if (!out.empty()) out += ':';
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

std::string digest_of(const X509* certificate, const EVP_MD* digest) {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes;
  unsigned size = 0;
  if (X509_digest(certificate, digest, bytes.data(), &size) != 1) return "";
  return hex_with_colons(ByteView(bytes).first(size));
}

// We check by fingerprint (RFC 8122), after the handshake.
int accept_any(int, X509_STORE_CTX*) { return 1; }

const char* profiles(SrtpChoice choice) {
  switch (choice) {
    case SrtpChoice::any: return "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
    case SrtpChoice::gcm: return "SRTP_AEAD_AES_128_GCM";
    case SrtpChoice::cm: return "SRTP_AES128_CM_SHA1_80";
  }
  return "";
}

struct KeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct CertificateFree {
  void operator()(X509* certificate) const { X509_free(certificate); }
};

}  // namespace

std::unique_ptr<DtlsIdentity> DtlsIdentity::make(SrtpChoice choice) {
  auto identity = std::unique_ptr<DtlsIdentity>(new DtlsIdentity());
  const std::unique_ptr<EVP_PKEY, KeyFree> key(EVP_EC_gen("P-256"));
  const std::unique_ptr<X509, CertificateFree> certificate(X509_new());
  identity->context_ = SSL_CTX_new(DTLS_client_method());
  if (key == nullptr || certificate == nullptr || identity->context_ == nullptr) return nullptr;
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -24L * 3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 30L * 24 * 3600);
  constexpr unsigned char kName[] = "roomload";
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_ASC, kName, -1, -1, 0);
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(certificate.get()));
  X509_set_pubkey(certificate.get(), key.get());
  if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0) return nullptr;
  SSL_CTX_set_min_proto_version(identity->context_, DTLS1_2_VERSION);
  SSL_CTX_set_verify(identity->context_, SSL_VERIFY_PEER, accept_any);
  SSL_CTX_set_mode(identity->context_, SSL_MODE_RELEASE_BUFFERS);
  // 0 is its success.
  if (SSL_CTX_use_certificate(identity->context_, certificate.get()) != 1 ||
      SSL_CTX_use_PrivateKey(identity->context_, key.get()) != 1 ||
      SSL_CTX_set_tlsext_use_srtp(identity->context_, profiles(choice)) != 0) {
    return nullptr;
  }
  identity->fingerprint_ = digest_of(certificate.get(), EVP_sha256());
  return identity;
}

DtlsIdentity::~DtlsIdentity() { SSL_CTX_free(context_); }

// The two ends that OpenSSL reads and writes: whole datagrams.
struct DtlsClient::Pipe {
  ByteView incoming;  // one datagram, during consume()
  std::vector<std::vector<std::uint8_t>> outgoing;

  static BIO_METHOD* method() {
    static BIO_METHOD* const made = [] {
      BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "roomload datagrams");
      BIO_meth_set_write(m, &write);
      BIO_meth_set_read(m, &read);
      BIO_meth_set_ctrl(m, &control);
      return m;
    }();
    return made;
  }
  static int write(BIO* bio, const char* bytes, int size) {
    auto& pipe = *static_cast<Pipe*>(BIO_get_data(bio));
    if (pipe.outgoing.size() < kMaxWaiting) pipe.outgoing.emplace_back(bytes, bytes + size);
    return size;
  }
  static int read(BIO* bio, char* into, int room) {
    auto& pipe = *static_cast<Pipe*>(BIO_get_data(bio));
    BIO_clear_retry_flags(bio);
    if (pipe.incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t size = std::min(pipe.incoming.size(), static_cast<std::size_t>(room));
    std::memcpy(into, pipe.incoming.data(), size);
    pipe.incoming = {};
    return static_cast<int>(size);
  }
  static long control(BIO*, int command, long, void*) {
    if (command == BIO_CTRL_FLUSH) return 1;
    return command == BIO_CTRL_DGRAM_GET_MTU_OVERHEAD ? 28 : 0;
  }
};

DtlsClient::DtlsClient(const DtlsIdentity& identity, std::string hash, std::string fingerprint)
    : pipe_(std::make_unique<Pipe>()), hash_(ascii_lower(hash)), fingerprint_(std::move(fingerprint)) {
  ssl_ = SSL_new(identity.context());
  BIO* bio = ssl_ != nullptr ? BIO_new(Pipe::method()) : nullptr;
  if (bio == nullptr) {
    state_ = State::failed;
    reason_ = "out of memory";
    return;
  }
  BIO_set_data(bio, pipe_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  SSL_set_options(ssl_, SSL_OP_NO_QUERY_MTU);
  DTLS_set_link_mtu(ssl_, kLinkMtu);
  // A quarter of a second, then doubled: what a browser waits.
  DTLS_set_timer_cb(ssl_, [](SSL*, unsigned before) -> unsigned {
    return before == 0 ? 250'000 : std::min(before * 2, 2'000'000U);
  });
  SSL_set_connect_state(ssl_);
}

DtlsClient::~DtlsClient() { SSL_free(ssl_); }

std::vector<std::vector<std::uint8_t>> DtlsClient::take_output() {
  return std::exchange(pipe_->outgoing, {});
}

void DtlsClient::consume(ByteView datagram) {
  if (state_ == State::failed || state_ == State::closed) return;
  pipe_->incoming = datagram;
  advance();
  pipe_->incoming = {};
}

void DtlsClient::advance() {
  if (state_ == State::failed) return;
  ERR_clear_error();
  if (state_ == State::handshaking) {
    const int result = SSL_do_handshake(ssl_);
    if (result != 1) {
      if (SSL_get_error(ssl_, result) != SSL_ERROR_SSL) return;
      const char* reason = ERR_reason_error_string(ERR_peek_error());
      state_ = State::failed;
      reason_ = reason != nullptr ? reason : "protocol error";
      return;
    }
    if (!fingerprint_matches()) {
      state_ = State::failed;
      reason_ = "the server's certificate is not the one of the offer";
      return;
    }
    if (SSL_get_selected_srtp_profile(ssl_) == nullptr) {
      state_ = State::failed;
      reason_ = "the server takes none of our SRTP profiles";
      return;
    }
    state_ = State::connected;
  }
  std::array<char, 2048> ignored;
  const int result = SSL_read(ssl_, ignored.data(), static_cast<int>(ignored.size()));
  if (result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN) state_ = State::closed;
}

bool DtlsClient::fingerprint_matches() const {
  const EVP_MD* digest = hash_ == "sha-256"   ? EVP_sha256()
                         : hash_ == "sha-384" ? EVP_sha384()
                         : hash_ == "sha-512" ? EVP_sha512()
                         : hash_ == "sha-1"   ? EVP_sha1()
                                              : nullptr;
  const X509* certificate = SSL_get0_peer_certificate(ssl_);
  if (digest == nullptr || certificate == nullptr) return false;
  return ascii_iequals(digest_of(certificate, digest), fingerprint_);
}

void DtlsClient::tick() {
  if (state_ != State::handshaking) return;
  ERR_clear_error();
  if (DTLSv1_handle_timeout(ssl_) < 0) {
    state_ = State::failed;
    reason_ = "the server does not go on with the handshake";
  }
}

TimePoint DtlsClient::next_deadline(TimePoint now) const {
  timeval left{};
  if (state_ != State::handshaking || DTLSv1_get_timeout(ssl_, &left) != 1) return TimePoint::max();
  return now + seconds(left.tv_sec) + microseconds(left.tv_usec);
}

void DtlsClient::close() {
  if (state_ != State::connected) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  state_ = State::closed;
}

sfu::transport::SrtpKeys DtlsClient::keys() const {
  sfu::transport::SrtpKeys out;
  out.profile = static_cast<sfu::transport::SrtpProfile>(SSL_get_selected_srtp_profile(ssl_)->id);
  const std::size_t key = key_size(out.profile);
  const std::size_t salt = salt_size(out.profile);
  std::array<std::uint8_t, 2 * (32 + 14)> material;
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  SSL_export_keying_material(ssl_, material.data(), 2 * (key + salt), kLabel.data(), kLabel.size(), nullptr,
                             0, 0);
  std::memcpy(out.client.key.data(), material.data(), key);
  std::memcpy(out.server.key.data(), material.data() + key, key);
  std::memcpy(out.client.salt.data(), material.data() + 2 * key, salt);
  std::memcpy(out.server.salt.data(), material.data() + 2 * key + salt, salt);
  OPENSSL_cleanse(material.data(), material.size());
  return out;
}

}  // namespace roomgate::bench::roomload::transport
