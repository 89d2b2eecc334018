// OCSP answers made on the spot, and both ends of a connection in memory.
#pragma once

#include <doctest/doctest.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include <ctime>

#include "router/tls/contexts.hpp"
#include "tests/support/certificates.hpp"

namespace roomgate::router::tls::test {

using roomgate::tests::Folder;
using roomgate::tests::Made;
using roomgate::tests::make;
using roomgate::tests::text_of;
using roomgate::tests::Wish;
using roomgate::tests::write;

struct OcspWish {
  int status = V_OCSP_CERTSTATUS_GOOD;
  long from = -60;
  long until = 3600;
};
inline std::string ocsp_answer(const Made& leaf, const Made& issuer, const Made& signer,
                               const OcspWish& wish) {
  OCSP_BASICRESP* basic = OCSP_BASICRESP_new();
  ASN1_TIME* from = X509_gmtime_adj(nullptr, wish.from);
  ASN1_TIME* until = X509_gmtime_adj(nullptr, wish.until);
  ASN1_GENERALIZEDTIME* from_general = ASN1_TIME_to_generalizedtime(from, nullptr);
  ASN1_GENERALIZEDTIME* until_general = ASN1_TIME_to_generalizedtime(until, nullptr);
  OCSP_CERTID* id = OCSP_cert_to_id(EVP_sha1(), leaf.x509.get(), issuer.x509.get());
  OCSP_basic_add1_status(basic, id, wish.status, 0,
                         wish.status == V_OCSP_CERTSTATUS_REVOKED ? from_general : nullptr, from_general,
                         until_general);
  OCSP_basic_sign(basic, signer.x509.get(), signer.pkey.get(), EVP_sha256(), nullptr, 0);
  OCSP_RESPONSE* response = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
  unsigned char* der = nullptr;
  const int size = i2d_OCSP_RESPONSE(response, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  OCSP_RESPONSE_free(response);
  OCSP_CERTID_free(id);
  OCSP_BASICRESP_free(basic);
  ASN1_GENERALIZEDTIME_free(from_general);
  ASN1_GENERALIZEDTIME_free(until_general);
  ASN1_TIME_free(from);
  ASN1_TIME_free(until);
  return text;
}

// Both in memory, through a BIO pair, until neither gets further.
inline void connect(SSL* client, SSL* server) {
  BIO* a = nullptr;
  BIO* b = nullptr;
  BIO_new_bio_pair(&a, 256 * 1024, &b, 256 * 1024);
  SSL_set_bio(client, a, a);
  SSL_set_bio(server, b, b);
  for (int i = 0; i < 6; ++i) {
    if (SSL_get_error(client, SSL_do_handshake(client)) == SSL_ERROR_SSL) break;
    ERR_clear_error();
    if (SSL_get_error(server, SSL_do_handshake(server)) == SSL_ERROR_SSL) break;
    if (i < 5) ERR_clear_error();
  }
}

struct ClientWish {
  const char* name = nullptr;  // SNI
  SSL_SESSION* resume = nullptr;
  std::string alpn = {};
  const Made* certificate = nullptr;
  bool ask_status = false;
  int version = 0;  // 0: any
};

struct Pair {
  SSL_CTX* client_context = SSL_CTX_new(TLS_client_method());
  SSL* client = nullptr;
  net::SslPointer server;
  SSL_SESSION* session = nullptr;

  Pair(const Contexts& contexts, const ClientWish& wish) {
    if (wish.certificate != nullptr) {
      SSL_CTX_use_certificate(client_context, wish.certificate->x509.get());
      SSL_CTX_use_PrivateKey(client_context, wish.certificate->pkey.get());
    }
    if (wish.version != 0) {
      SSL_CTX_set_min_proto_version(client_context, wish.version);
      SSL_CTX_set_max_proto_version(client_context, wish.version);
    }
    client = SSL_new(client_context);
    SSL_set_connect_state(client);
    if (wish.name != nullptr) {
      SSL_ctrl(client, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, const_cast<char*>(wish.name));
    }
    if (wish.ask_status) {
      SSL_ctrl(client, SSL_CTRL_SET_TLSEXT_STATUS_REQ_TYPE, TLSEXT_STATUSTYPE_ocsp, nullptr);
    }
    if (wish.resume != nullptr) SSL_set_session(client, wish.resume);
    if (!wish.alpn.empty()) {
      SSL_set_alpn_protos(client, reinterpret_cast<const unsigned char*>(wish.alpn.data()),
                          static_cast<unsigned>(wish.alpn.size()));
    }
    server = contexts.accept();
    connect(client, server.get());
    if (!done()) return;
    char nothing = 0;
    SSL_read(client, &nothing, 1);  // takes the tickets
    ERR_clear_error();
    session = SSL_get1_session(client);
  }
  Pair(const Contexts& contexts, const char* name, SSL_SESSION* resume = nullptr)
      : Pair(contexts, ClientWish{.name = name, .resume = resume}) {}
  ~Pair() {
    SSL_SESSION_free(session);
    // Without a goodbye OpenSSL would call the client's session unfit for resumption.
    SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(client);
    SSL_CTX_free(client_context);
  }
  bool done() const { return SSL_is_init_finished(client) == 1 && SSL_is_init_finished(server.get()) == 1; }
  bool resumed() const { return SSL_session_reused(client) == 1 && SSL_session_reused(server.get()) == 1; }
  std::string subject_names() const {
    X509* certificate = SSL_get1_peer_certificate(client);
    if (certificate == nullptr) return "";
    auto* names =
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
    const auto* first = sk_GENERAL_NAME_value(names, 0)->d.dNSName;
    std::string text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(first)));
    GENERAL_NAMES_free(names);
    X509_free(certificate);
    return text;
  }
  std::string staple() const {
    unsigned char* data = nullptr;
    const long size =
        SSL_ctrl(client, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, static_cast<void*>(&data));
    return size > 0 ? std::string(reinterpret_cast<char*>(data), static_cast<std::size_t>(size)) : "";
  }
};

inline std::shared_ptr<const TicketKeys> some_keys() {
  return std::make_shared<const TicketKeys>(TicketKeys::random());
}

inline std::unique_ptr<Contexts> contexts_of(const std::vector<std::string>& files, Options options = {},
                                             std::shared_ptr<const TicketKeys> keys = some_keys(),
                                             std::vector<std::string>* told = nullptr) {
  const auto now = std::time(nullptr);
  std::vector<std::string> warnings;
  auto identities = load_identities(files, now);
  REQUIRE_MESSAGE(identities.ok(), (identities.ok() ? "" : identities.error()));
  std::optional<ClientAuthorities> authorities;
  if (!options.client_ca.empty()) {
    auto loaded =
        load_client_authorities(options.client_ca, options.client_verify == "required", now, warnings);
    REQUIRE_MESSAGE(loaded.ok(), (loaded.ok() ? "" : loaded.error()));
    authorities = std::move(loaded).value();
  }
  auto certificates = Certificates::make(options, identities->all, std::move(authorities), now, warnings);
  REQUIRE_MESSAGE(certificates.ok(), (certificates.ok() ? "" : certificates.error()));
  auto made = Contexts::make(*certificates, std::move(keys));
  REQUIRE(made.ok());
  if (told != nullptr) *told = warnings;
  return std::move(made).value();
}

}  // namespace roomgate::router::tls::test
