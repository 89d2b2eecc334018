#include "router/tls/client_context.hpp"

#include <openssl/x509v3.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <vector>

#include "base/address.hpp"
#include "router/tls/identity.hpp"

namespace roomgate::router::tls {
namespace {

constexpr std::string_view kProtocols = "\x08http/1.1";

// The session that the next connection starts from. Belongs to the SSL_CTX, so that connections which outlive
// their ClientContext (a tunnel across a reload) can still leave theirs.
// As bytes: connections on several cores may start from it at once, and OpenSSL's own copy has no ticket.
struct LastSession {
  std::mutex mutex;
  std::vector<unsigned char> der;
};

void free_last_session(void*, void* held, CRYPTO_EX_DATA*, int, long, void*) {
  const std::unique_ptr<LastSession> owner(static_cast<LastSession*>(held));
}
int last_session_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_last_session);
  return index;
}
LastSession& last_session(const SSL_CTX* context) {
  return *static_cast<LastSession*>(SSL_CTX_get_ex_data(context, last_session_index()));
}

int keep_session(SSL* ssl, SSL_SESSION* session) {
  std::vector<unsigned char> der(static_cast<std::size_t>(std::max(0, i2d_SSL_SESSION(session, nullptr))));
  unsigned char* to = der.data();
  if (der.empty() || i2d_SSL_SESSION(session, &to) <= 0) return 0;
  LastSession& last = last_session(SSL_get_SSL_CTX(ssl));
  const std::lock_guard lock(last.mutex);
  last.der = std::move(der);
  return 0;  // the session itself stays OpenSSL's
}

SessionPointer resumable(LastSession& last) {
  const std::lock_guard lock(last.mutex);
  const unsigned char* from = last.der.data();
  return SessionPointer(
      last.der.empty() ? nullptr : d2i_SSL_SESSION(nullptr, &from, static_cast<long>(last.der.size())));
}

bool is_ip(const std::string& text) { return Address::from_ip(text, 0).has_value(); }

}  // namespace

Result<std::shared_ptr<X509_STORE>, std::string> load_authorities(const std::string& file) {
  std::shared_ptr<X509_STORE> store(X509_STORE_new(), X509_STORE_free);
  if (file.empty()) {
    if (X509_STORE_set_default_paths(store.get()) != 1)
      return fail("the system's authorities: " + last_error());
    return store;
  }
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  const auto pem = parse_pem(file, *text);
  if (!pem) return fail(pem.error());
  if (pem->certificates.empty()) return fail(file + ": has no certificate in PEM");
  for (const auto& certificate : pem->certificates) X509_STORE_add_cert(store.get(), certificate.get());
  // Whoever names a certificate here trusts it, whether or not it signed itself.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  return store;
}

Result<std::shared_ptr<const ClientContext>, std::string> ClientContext::make(
    ClientOptions options, const std::shared_ptr<X509_STORE>& authorities) {
  std::shared_ptr<ClientContext> made(new ClientContext);
  const auto address = Address::parse(options.address);
  made->name_ = options.sni;
  if (made->name_.empty() && address) made->ip_ = address->ip();
  if (is_ip(made->name_)) made->ip_ = std::exchange(made->name_, "");
  if (made->name_.empty() && made->ip_.empty()) return fail(options.address + ": is no address");
  made->options_ = std::move(options);
  made->context_.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* context = made->context_.get();
  if (context == nullptr) return fail(last_error());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384");
  SSL_CTX_set_options(context,
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context, 1);
  SSL_CTX_set_alpn_protos(context, as_bytes(kProtocols).data(), kProtocols.size());
  if (made->options_.verify) {
    SSL_CTX_set1_cert_store(context, authorities.get());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nullptr);
  }
  SSL_CTX_set_ex_data(context, last_session_index(), std::make_unique<LastSession>().release());
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, &keep_session);
  return std::shared_ptr<const ClientContext>(std::move(made));
}

net::SslPointer ClientContext::connect() const {
  net::SslPointer ssl(SSL_new(context_.get()));
  // No memory: by exception, since a null pointer would mean plain text to whoever connects.
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_connect_state(ssl.get());
  if (!name_.empty()) {
    // What the macro SSL_set_tlsext_host_name does, without its C cast.
    SSL_ctrl(ssl.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             const_cast<char*>(name_.c_str()));
  }
  if (options_.verify) {
    const bool set = name_.empty()
                         ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), ip_.c_str()) == 1
                         : SSL_set1_host(ssl.get(), name_.c_str()) == 1;
    // Without a name to hold it to, any certificate of a known authority would do.
    if (!set) throw std::bad_alloc();
    SSL_set_hostflags(ssl.get(), X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  }
  if (const auto session = resumable(last_session(context_.get())); session != nullptr) {
    SSL_set_session(ssl.get(), session.get());
  }
  return ssl;
}

}  // namespace roomgate::router::tls
