#include "router/tls/contexts.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "base/encoding.hpp"
#include "base/random.hpp"

namespace roomgate::router::tls {
namespace {

// Contexts of an SSL, for OpenSSL's callbacks that carry no argument of ours.
int owner_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

std::string last_error() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace

TicketKeys TicketKeys::random() {
  TicketKeys keys;
  for (Key* key : {&keys.current, &keys.previous}) {
    random_bytes(key->name);
    random_bytes(key->cipher);
    random_bytes(key->mac);
  }
  return keys;
}

TicketKeys TicketKeys::rotated() const {
  TicketKeys next = random();
  next.previous = current;
  return next;
}

struct Contexts::Entry {
  SSL_CTX* context = nullptr;
  std::vector<std::string> names;
  ~Entry() { SSL_CTX_free(context); }
};

Contexts::Contexts() = default;
Contexts::~Contexts() = default;

Result<std::unique_ptr<Contexts>, std::string> Contexts::make(const Options& options,
                                                              const std::vector<Identity>& identities,
                                                              std::shared_ptr<const TicketKeys> keys) {
  std::unique_ptr<Contexts> contexts(new Contexts);
  contexts->keys_ = std::move(keys);
  for (const auto& protocol : options.alpn) {
    contexts->alpn_.push_back(static_cast<char>(protocol.size()));
    contexts->alpn_ += protocol;
  }
  for (const auto& identity : identities) {
    if (auto added = contexts->add(options, identity); !added) return fail(added.error());
  }
  if (contexts->entries_.empty()) return fail(std::string("no certificates"));
  return contexts;
}

Result<void, std::string> Contexts::add(const Options& options, const Identity& identity) {
  STACK_OF(X509)* chain = sk_X509_new_null();
  for (std::size_t i = 1; i < identity.chain.size(); ++i) sk_X509_push(chain, identity.chain[i].get());
  const auto use = [&](SSL_CTX* context) {
    return SSL_CTX_use_cert_and_key(context, identity.chain.front().get(), identity.key.get(), chain, 1) == 1;
  };
  // An ECDSA and an RSA certificate of one name live in one context; OpenSSL picks by what the client can.
  for (const auto& entry : entries_) {
    if (entry->names != identity.names) continue;
    const bool used = use(entry->context);
    sk_X509_free(chain);
    return used ? Result<void, std::string>() : fail(identity.file + ": " + last_error());
  }
  auto entry = std::make_unique<Entry>();
  entry->names = identity.names;
  entry->context = SSL_CTX_new(TLS_server_method());
  SSL_CTX* context = entry->context;
  SSL_CTX_set_min_proto_version(context, options.min_version == "1.3" ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20");
  // Resumption goes by ticket alone; a cache in the process would be a lock and memory for nothing.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context, 1);
  SSL_CTX_set_read_ahead(context, 1);  // header and body of a record in one system call
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  constexpr std::string_view kSessionContext = "roomgate";
  SSL_CTX_set_session_id_context(context, as_bytes(kSessionContext).data(), kSessionContext.size());
  SSL_CTX_set_ex_data(context, owner_index(), this);
  // What the macro SSL_CTX_set_tlsext_servername_callback does, without its C cast.
  SSL_CTX_callback_ctrl(context, SSL_CTRL_SET_TLSEXT_SERVERNAME_CB,
                        reinterpret_cast<void (*)()>(&Contexts::choose));
  SSL_CTX_set_tlsext_servername_arg(context, this);
  SSL_CTX_set_alpn_select_cb(context, &Contexts::choose_protocol, this);
  SSL_CTX_set_tlsext_ticket_key_evp_cb(context, &Contexts::ticket_key);
  const bool used = use(context);
  sk_X509_free(chain);
  if (!used) return fail(identity.file + ": " + last_error());
  entries_.push_back(std::move(entry));
  return {};
}

net::SslPointer Contexts::accept() const {
  net::SslPointer ssl(SSL_new(entries_.front()->context));
  SSL_set_accept_state(ssl.get());
  return ssl;
}

const Contexts::Entry* Contexts::find(std::string_view host) const {
  const Entry* wildcard = nullptr;
  for (const auto& entry : entries_) {
    for (const auto& name : entry->names) {
      if (!name_matches(name, host)) continue;
      if (!name.starts_with('*')) return entry.get();
      if (wildcard == nullptr) wildcard = entry.get();
    }
  }
  return wildcard;
}

bool Contexts::host_fits(SSL* ssl, std::string_view host) const {
  // Without SNI the client got the default certificate and accepted it for this host.
  if (SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) == nullptr) return true;
  const Entry* entry = find(host);
  return entry == nullptr || entry->context == SSL_get_SSL_CTX(ssl);
}

int Contexts::choose(SSL* ssl, int*, void* self) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  const Entry* entry = static_cast<Contexts*>(self)->find(name);
  if (entry == nullptr)
    return SSL_TLSEXT_ERR_NOACK;  // the default certificate; the client decides what it thinks of it
  SSL_set_SSL_CTX(ssl, entry->context);
  return SSL_TLSEXT_ERR_OK;
}

int Contexts::choose_protocol(SSL*, const unsigned char** out, unsigned char* out_length,
                              const unsigned char* offered, unsigned int offered_length, void* self) {
  const auto& ours = static_cast<Contexts*>(self)->alpn_;
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
  const TicketKeys::Key* key = &keys.current;
  if (encrypt == 1) {
    random_bytes({iv, 16});
    std::memcpy(name, key->name.data(), key->name.size());
  } else if (std::memcmp(name, keys.previous.name.data(), keys.previous.name.size()) == 0) {
    key = &keys.previous;
  } else if (std::memcmp(name, keys.current.name.data(), keys.current.name.size()) != 0) {
    return 0;  // a full handshake
  }
  std::array<char, 7> digest{"SHA256"};
  std::array<OSSL_PARAM, 3> parameters{
      OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<std::uint8_t*>(key->mac.data()),
                                        key->mac.size()),
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0), OSSL_PARAM_construct_end()};
  if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv, encrypt) != 1) return -1;
  if (EVP_MAC_CTX_set_params(mac, parameters.data()) != 1) return -1;
  return key == &keys.previous ? 2 : 1;  // 2: good, and give the client a new one
}

}  // namespace roomgate::router::tls
