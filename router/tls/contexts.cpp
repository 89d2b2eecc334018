#include "router/tls/contexts.hpp"

#include <openssl/core_names.h>
#include <openssl/ocsp.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <map>

#include "base/random.hpp"

namespace roomgate::router::tls {
namespace {

// AES-128 first: it is enough, its handshake hashes with SHA-256, and it is the cheapest. Who puts ChaCha
// first has no AES in hardware and gets it.
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";
// No SHA-1, whatever the system's OpenSSL settings are.
constexpr const char* kSignatures =
    "ecdsa_secp256r1_sha256:ed25519:rsa_pss_rsae_sha256:rsa_pss_pss_sha256:rsa_pkcs1_sha256:"
    "ecdsa_secp384r1_sha384:rsa_pss_rsae_sha384:rsa_pkcs1_sha384:rsa_pss_rsae_sha512:rsa_pkcs1_sha512:"
    "ecdsa_secp521r1_sha512";
constexpr long kMaxClientChain = 32 * 1024;

// Where a context's Contexts and Group are, for OpenSSL's callbacks that carry no argument of ours.
int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

int group_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

// By name it would be looked up again for every ticket.
const EVP_CIPHER* ticket_cipher() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr);
  return cipher;
}

std::string wire_format(const std::vector<std::string>& protocols) {
  std::string text;
  for (const auto& protocol : protocols) {
    text.push_back(static_cast<char>(protocol.size()));
    text += protocol;
  }
  return text;
}

// Of two for the same names and kind of key: one that is valid before one that is not, then the newer.
bool better(const Identity& a, const Identity& b, std::int64_t now) {
  if (a.valid_at(now) != b.valid_at(now)) return a.valid_at(now);
  return a.not_before > b.not_before;
}

bool use_identity(SSL_CTX* context, const Identity& identity, bool own_copies) {
  Owned<X509, X509_free> leaf(own_copies ? X509_dup(identity.chain.front().get()) : nullptr);
  Owned<EVP_PKEY, EVP_PKEY_free> key(own_copies ? EVP_PKEY_dup(identity.key.get()) : nullptr);
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (std::size_t i = 1; i < identity.chain.size(); ++i) sk_X509_push(chain, identity.chain[i].get());
  ERR_clear_error();
  const int used = SSL_CTX_use_cert_and_key(context, leaf != nullptr ? leaf.get() : identity.chain[0].get(),
                                            key != nullptr ? key.get() : identity.key.get(), chain, 1);
  sk_X509_free(chain);
  return used == 1;
}

}  // namespace

Result<std::shared_ptr<const Certificates>, std::string> Certificates::make(
    Options options, std::vector<Identity> identities, std::optional<ClientAuthorities> authorities,
    std::int64_t now, std::vector<std::string>& warnings) {
  std::shared_ptr<Certificates> made(new Certificates);
  made->alpn_ = wire_format(options.alpn);
  made->options_ = std::move(options);
  made->authorities_ = std::move(authorities);
  const auto trial = made->make_context({}, false);
  if (!trial) return fail(trial.error());
  std::map<std::vector<std::string>, std::size_t> by_names;
  for (Identity& identity : identities) {
    if (!use_identity(trial->get(), identity, false)) return fail(identity.file + ": " + last_error());
    auto names = identity.names;
    std::sort(names.begin(), names.end());
    const auto [place, is_new] = by_names.emplace(std::move(names), made->groups_.size());
    if (is_new || identity.names.empty()) {
      made->groups_.push_back({{std::move(identity)}});
      continue;
    }
    auto& group = made->groups_[place->second].identities;
    const auto rival = std::find_if(group.begin(), group.end(), [&identity](const Identity& other) {
      return EVP_PKEY_get_base_id(other.key.get()) == EVP_PKEY_get_base_id(identity.key.get());
    });
    if (rival == group.end()) {
      group.push_back(std::move(identity));
      continue;
    }
    const bool wins = better(identity, *rival, now);
    warnings.push_back((wins ? rival->file : identity.file) + ": is not used, " +
                       (wins ? identity.file : rival->file) + " has the same names");
    if (wins) *rival = std::move(identity);
  }
  if (made->groups_.empty()) return fail(std::string("no certificates"));
  for (std::size_t i = 0; i < made->groups_.size(); ++i) {
    const Identity& first = made->groups_[i].identities.front();
    bool reachable = i == 0;
    for (const auto& name : first.names) {
      reachable = made->names_.add(name, static_cast<std::uint32_t>(i)) || reachable;
    }
    if (!reachable) {
      warnings.push_back(
          first.file + ": is never chosen, " +
          (first.names.empty() ? "it names no host" : "earlier certificates have all its names"));
    }
  }
  return std::shared_ptr<const Certificates>(std::move(made));
}

Result<ContextPointer, std::string> Certificates::make_context(const Group& group, bool own_copies) const {
  ContextPointer made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* context = made.get();
  if (context == nullptr) return fail(last_error());
  const bool newest_only = options_.min_version == "1.3";
  const bool set =
      SSL_CTX_set_min_proto_version(context, newest_only ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
      SSL_CTX_set_cipher_list(context, kCiphers12) == 1 &&
      SSL_CTX_set_ciphersuites(context, kCiphers13) == 1 && SSL_CTX_set1_groups_list(context, kGroups) == 1 &&
      SSL_CTX_set1_sigalgs_list(context, kSignatures) == 1 &&
      SSL_CTX_set_num_tickets(context, static_cast<std::size_t>(options_.tickets)) == 1;
  if (!set) return fail("this OpenSSL cannot do TLS as wanted: " + last_error());
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  if (options_.tickets == 0) SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
  // Resumption goes by ticket alone; a cache in the process would be a lock and memory for nothing.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, std::chrono::duration_cast<seconds>(TicketKeys::kLifetime).count());
  SSL_CTX_set_read_ahead(context, 1);  // header and body of a record in one system call
  // NO_AUTO_CHAIN: the chain is the file's; OpenSSL would look for one in every handshake.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN |
                                SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  std::array<std::uint8_t, 32> session_context{"roomgate"};
  if (authorities_) {
    session_context = authorities_->digest;
    SSL_CTX_set1_cert_store(context, authorities_->store.get());
    STACK_OF(X509_NAME)* names = sk_X509_NAME_new_null();
    for (const auto& certificate : authorities_->certificates) {
      sk_X509_NAME_push(names, X509_NAME_dup(X509_get_subject_name(certificate.get())));
    }
    SSL_CTX_set_client_CA_list(context, names);  // takes them over
    SSL_CTX_set_verify(
        context, SSL_VERIFY_PEER | (authorities_->required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nullptr);
    SSL_CTX_set_max_cert_list(context, kMaxClientChain);
  }
  SSL_CTX_set_session_id_context(context, session_context.data(), session_context.size());
  for (const Identity& identity : group.identities) {
    if (!use_identity(context, identity, own_copies)) return fail(identity.file + ": " + last_error());
  }
  return made;
}

Result<std::unique_ptr<Contexts>, std::string> Contexts::make(
    std::shared_ptr<const Certificates> certificates, std::shared_ptr<const TicketKeys> keys) {
  std::unique_ptr<Contexts> contexts(new Contexts);
  contexts->certificates_ = std::move(certificates);
  contexts->keys_ = std::move(keys);
  contexts->contexts_.resize(contexts->certificates_->groups().size());
  if (contexts->context(0) == nullptr) return fail("no context: " + last_error());
  return contexts;
}

SSL_CTX* Contexts::context(std::size_t group) {
  ContextPointer& made = contexts_[group];
  if (made == nullptr) {
    const Certificates::Group& of = certificates_->groups()[group];
    auto context = certificates_->make_context(of, true);
    // It was possible when the certificates were read; now memory is short.
    if (!context) return nullptr;
    made = std::move(context).value();
    SSL_CTX_set_ex_data(made.get(), group_index(), const_cast<Certificates::Group*>(&of));
    install(made.get());
  }
  return made.get();
}

void Contexts::install(SSL_CTX* context) {
  SSL_CTX_set_ex_data(context, owner_index(), this);
  // What OpenSSL's macros SSL_CTX_set_tlsext_..._callback do, without their C casts.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&Contexts::choose));
  SSL_CTX_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_ARG, 0, this);
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_STATUS_REQ_CB,
                        reinterpret_cast<void (*)()>(&Contexts::staple));
  SSL_CTX_set_alpn_select_cb(context, &Contexts::choose_protocol, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &Contexts::ticket_key);
}

net::SslPointer Contexts::accept() const {
  net::SslPointer ssl(SSL_new(contexts_.front().get()));
  if (ssl != nullptr) SSL_set_accept_state(ssl.get());
  return ssl;
}

bool Contexts::host_fits(SSL* ssl, std::string_view host) const {
  if (contexts_.size() == 1) return true;
  // Without SNI the client got the default certificate and accepted it for this host.
  if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == nullptr) return true;
  const auto group = certificates_->find(host);
  return !group || contexts_[*group].get() == SSL_get_SSL_CTX(ssl);
}

int Contexts::choose(SSL* ssl, int*, void* argument) {
  auto* self = static_cast<Contexts*>(argument);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const auto group = self->certificates_->find(name);
  if (!group) return SSL_TLSEXT_ERR_NOACK;  // the default certificate; the client decides what it thinks
  if (*group == 0) return SSL_TLSEXT_ERR_OK;
  SSL_CTX* context = self->context(*group);
  if (context == nullptr || SSL_set_SSL_CTX(ssl, context) == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  return SSL_TLSEXT_ERR_OK;
}

int Contexts::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                              const unsigned char* offered, unsigned int offered_length, void* self) {
  const auto& ours = static_cast<Contexts*>(self)->certificates_->alpn();
  unsigned char* selected = nullptr;
  const int result = SSL_select_next_proto(&selected, out_length, as_bytes(ours).data(),
                                           static_cast<unsigned>(ours.size()), offered, offered_length);
  if (result != OPENSSL_NPN_NEGOTIATED) return SSL_TLSEXT_ERR_NOACK;
  *out = selected;
  return SSL_TLSEXT_ERR_OK;
}

int Contexts::ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                         EVP_MAC_CTX* mac, int encrypt) {
  const auto* self = static_cast<const Contexts*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), owner_index()));
  const TicketKeys& keys = *self->keys_;
  const TicketKey* key = encrypt == 1 ? &keys.current() : keys.find(name);
  if (key == nullptr) return 0;  // a full handshake
  if (encrypt == 1) {
    random_bytes({iv, 16});
    std::memcpy(name, key->name.data(), key->name.size());
  }
  std::array<char, 7> digest{"SHA256"};
  const std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<std::uint8_t*>(key->mac.data()),
                                        key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  if (EVP_CipherInit_ex2(cipher, ticket_cipher(), key->cipher.data(), iv, encrypt, nullptr) != 1) return -1;
  if (EVP_MAC_CTX_set_params(mac, parameters.data()) != 1) return -1;
  // 2: good, and give the client a new one. RFC 8446 C.4: a ticket is for one connection, so who used one in
  // TLS 1.3 needs another.
  return key != &keys.current() || SSL_version(ssl) >= TLS1_3_VERSION ? 2 : 1;
}

int Contexts::staple(SSL* ssl, void*) {
  const X509* used = SSL_get_certificate(ssl);
  const auto* group =
      static_cast<const Certificates::Group*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), group_index()));
  if (used == nullptr || group == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const Identity& identity : group->identities) {
    if (!identity.staple || X509_cmp(identity.chain.front().get(), used) != 0) continue;
    if (std::time(nullptr) >= identity.staple->until) return SSL_TLSEXT_ERR_NOACK;
    const auto& response = identity.staple->response;
    void* copy = OPENSSL_memdup(response.data(), response.size());
    if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
    // What the macro SSL_set_tlsext_status_ocsp_resp does; takes the copy over.
    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_STATUS_REQ_OCSP_RESP, static_cast<long>(response.size()), copy);
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

}  // namespace roomgate::router::tls
