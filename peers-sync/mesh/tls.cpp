#include "peers-sync/mesh/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <new>

namespace roomgate::peers_sync::mesh {
namespace {

std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "cannot be read" : reason;
}

// Peers have names, not domains: no wildcards, and a leading dot stands for nothing more than itself.
bool has_name(X509* certificate, const std::string& name) {
  if (certificate == nullptr || name.empty() || name.front() == '.') return false;
  constexpr unsigned kFlags = X509_CHECK_FLAG_NO_WILDCARDS | X509_CHECK_FLAG_ALWAYS_CHECK_SUBJECT;
  return X509_check_host(certificate, name.data(), name.size(), kFlags, nullptr) == 1;
}

// Without it OpenSSL would ask for the pass phrase on the terminal.
int no_pass_phrase(char*, int, int, void*) { return 0; }

}  // namespace

Result<std::shared_ptr<const TlsContext>, std::string> TlsContext::load(const TlsFiles& files,
                                                                        const std::string& own_name) {
  std::shared_ptr<TlsContext> made(new TlsContext);
  made->context_.reset(SSL_CTX_new(TLS_method()), SSL_CTX_free);
  SSL_CTX* context = made->context_.get();
  if (context == nullptr) return fail("TLS: " + last_error());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_read_ahead(context, 1);
  // Sessions last for days: nothing is won by resuming them, and a certificate is looked at each time.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 0);
  SSL_CTX_set_default_passwd_cb(context, &no_pass_phrase);

  if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
    return fail(files.certificate + ": " + last_error());
  }
  const std::string& key = files.key.empty() ? files.certificate : files.key;
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1) {
    return fail(key + ": " + last_error());
  }
  if (!has_name(SSL_CTX_get0_certificate(context), own_name)) {
    return fail(files.certificate + ": does not have the name " + own_name + ", so no peer would take it");
  }
  if (SSL_CTX_load_verify_file(context, files.ca.c_str()) != 1) {
    return fail(files.ca + ": " + last_error());
  }
  // Whoever names a certificate here trusts it, whether or not it signed itself.
  X509_STORE_set_flags(SSL_CTX_get_cert_store(context), X509_V_FLAG_PARTIAL_CHAIN);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return std::shared_ptr<const TlsContext>(std::move(made));
}

net::SslPointer TlsContext::make() const {
  net::SslPointer ssl(SSL_new(context_.get()));
  // No memory: by exception, since a null pointer would mean plain text to whoever connects.
  if (ssl == nullptr) throw std::bad_alloc();
  return ssl;
}

net::SslPointer TlsContext::connect() const {
  net::SslPointer ssl = make();
  SSL_set_connect_state(ssl.get());
  return ssl;
}

net::SslPointer TlsContext::accept() const {
  net::SslPointer ssl = make();
  SSL_set_accept_state(ssl.get());
  return ssl;
}

bool shows_name(SSL* ssl, const std::string& name) {
  return SSL_get_verify_result(ssl) == X509_V_OK && has_name(SSL_get0_peer_certificate(ssl), name);
}

std::string tls_failure(const SSL* ssl) {
  const unsigned long code = ERR_peek_last_error();
  const long verdict = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
  if (verdict != X509_V_OK) {
    ERR_clear_error();
    return std::string("TLS: certificate: ") + X509_verify_cert_error_string(verdict);
  }
  return code == 0 ? "TLS: the peer went away" : "TLS: " + last_error();
}

}  // namespace roomgate::peers_sync::mesh
