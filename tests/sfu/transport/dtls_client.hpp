// A DTLS client in memory, OpenSSL's, as a browser would be: with a certificate of its own, use_srtp, and one
// datagram per read and write. For tests of the server only.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/srtp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "sfu/transport/srtp_keys.hpp"

namespace roomgate::sfu::transport {

using Datagram = std::vector<std::uint8_t>;

struct DtlsClientOptions {
  bool certificate = true;
  const char* profiles = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_128_GCM";
  long link_mtu = 1200;
  std::size_t padding = 0;  // bytes of ALPN names, to make the ClientHello large
};

class DtlsClient {
 public:
  explicit DtlsClient(const DtlsClientOptions& options = {}) {
    context_ = SSL_CTX_new(DTLS_client_method());
    SSL_CTX_set_min_proto_version(context_, DTLS1_2_VERSION);
    if (options.profiles != nullptr) SSL_CTX_set_tlsext_use_srtp(context_, options.profiles);
    EVP_PKEY* key = EVP_EC_gen("P-256");
    certificate_ = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(certificate_), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate_), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate_), 3600);
    X509_set_pubkey(certificate_, key);
    X509_sign(certificate_, key, EVP_sha256());
    if (options.certificate) {
      SSL_CTX_use_certificate(context_, certificate_);
      SSL_CTX_use_PrivateKey(context_, key);
    }
    EVP_PKEY_free(key);

    ssl_ = SSL_new(context_);
    method_ = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "test datagrams");
    BIO_meth_set_write(method_, [](BIO* bio, const char* data, int size) {
      static_cast<DtlsClient*>(BIO_get_data(bio))->sent.emplace_back(data, data + size);
      return size;
    });
    BIO_meth_set_read(method_, [](BIO* bio, char* data, int) {
      auto& self = *static_cast<DtlsClient*>(BIO_get_data(bio));
      BIO_clear_retry_flags(bio);
      if (self.incoming_.empty()) {
        BIO_set_retry_read(bio);
        return -1;
      }
      const auto size = static_cast<int>(self.incoming_.front().size());
      std::memcpy(data, self.incoming_.front().data(), self.incoming_.front().size());
      self.incoming_.pop_front();
      return size;
    });
    BIO_meth_set_ctrl(method_, [](BIO*, int command, long, void*) {
      if (command == BIO_CTRL_FLUSH) return 1L;
      return command == BIO_CTRL_DGRAM_GET_MTU_OVERHEAD ? 28L : 0L;
    });
    BIO* bio = BIO_new(method_);
    BIO_set_data(bio, this);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl_, bio, bio);
    SSL_set_options(ssl_, SSL_OP_NO_QUERY_MTU);
    DTLS_set_link_mtu(ssl_, options.link_mtu);
    SSL_set_ex_data(ssl_, 0, this);
    DTLS_set_timer_cb(ssl_, [](SSL* ssl, unsigned int before) -> unsigned int {
      constexpr unsigned int kNever = 3'000'000'000u;
      return before == 0 && static_cast<DtlsClient*>(SSL_get_ex_data(ssl, 0))->impatient ? 1 : kNever;
    });
    if (options.padding > 0) {
      std::vector<std::uint8_t> names;
      for (std::size_t left = options.padding; left > 0;) {
        const std::size_t size = left < 200 ? left : 200;
        names.push_back(static_cast<std::uint8_t>(size));
        names.insert(names.end(), size, 'x');
        left -= size;
      }
      SSL_set_alpn_protos(ssl_, names.data(), static_cast<unsigned>(names.size()));
    }
    SSL_set_connect_state(ssl_);
  }
  DtlsClient(const DtlsClient&) = delete;
  DtlsClient& operator=(const DtlsClient&) = delete;
  ~DtlsClient() {
    SSL_free(ssl_);
    SSL_CTX_free(context_);
    X509_free(certificate_);
    BIO_meth_free(method_);
  }

  // Takes what came and goes on as far as it can; what it has to say is in `sent`.
  void step() {
    ERR_clear_error();
    if (!done()) {
      const int result = SSL_do_handshake(ssl_);
      if (result != 1 && SSL_get_error(ssl_, result) == SSL_ERROR_SSL) failed = true;
      if (result != 1) return;
    }
    std::array<char, 2048> data;
    const int result = SSL_read(ssl_, data.data(), static_cast<int>(data.size()));
    if (result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_ZERO_RETURN) closed = true;
    if (result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_SSL) failed = true;
  }
  void receive(const Datagram& datagram) {
    incoming_.push_back(datagram);
    step();
  }
  void send_close() { SSL_shutdown(ssl_); }
  void send_data(std::string_view text) { SSL_write(ssl_, text.data(), static_cast<int>(text.size())); }

  bool done() const { return SSL_is_init_finished(ssl_) == 1; }
  SSL* native() { return ssl_; }

  std::string fingerprint(const EVP_MD* digest = EVP_sha256()) const {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> bytes;
    unsigned size = 0;
    X509_digest(certificate_, digest, bytes.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
      constexpr std::string_view kDigits = "0123456789ABCDEF";
      if (i > 0) out += ':';
      out += kDigits[bytes[i] >> 4];
      out += kDigits[bytes[i] & 15];
    }
    return out;
  }

  SrtpKeys keys() {
    SrtpKeys out;
    out.profile = static_cast<SrtpProfile>(SSL_get_selected_srtp_profile(ssl_)->id);
    const std::size_t key = key_size(out.profile);
    const std::size_t salt = salt_size(out.profile);
    std::array<std::uint8_t, 92> material;
    SSL_export_keying_material(ssl_, material.data(), 2 * (key + salt), "EXTRACTOR-dtls_srtp", 19, nullptr, 0,
                               0);
    std::memcpy(out.client.key.data(), material.data(), key);
    std::memcpy(out.server.key.data(), material.data() + key, key);
    std::memcpy(out.client.salt.data(), material.data() + 2 * key, salt);
    std::memcpy(out.server.salt.data(), material.data() + 2 * key + salt, salt);
    return out;
  }

  std::vector<Datagram> sent;
  bool impatient =
      false;  // flights sent while this is set are repeated whenever step() finds nothing to read
  bool failed = false;
  bool closed = false;

 private:
  SSL_CTX* context_ = nullptr;
  SSL* ssl_ = nullptr;
  X509* certificate_ = nullptr;
  BIO_METHOD* method_ = nullptr;
  std::deque<Datagram> incoming_;
};

inline bool same_keys(const SrtpKeys& a, const SrtpKeys& b) {
  return a.profile == b.profile && a.client.key == b.client.key && a.client.salt == b.client.salt &&
         a.server.key == b.server.key && a.server.salt == b.server.salt;
}

}  // namespace roomgate::sfu::transport
