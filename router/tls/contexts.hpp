// The certificates of one listener and the choice between them: exact name, then wildcard, then the first.
// TLS 1.2 and 1.3, no renegotiation, no compression, no early data. Certificates is the checked plan, shared
// by all cores; Contexts is what one core makes of it (OpenSSL's reference counts are then not shared), each
// name's context when it is first asked for. A reload makes new ones: sessions keep theirs.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/stream.hpp"
#include "base/result.hpp"
#include "router/tls/client_auth.hpp"
#include "router/tls/identity.hpp"
#include "router/tls/names.hpp"
#include "router/tls/openssl.hpp"
#include "router/tls/ticket_keys.hpp"

namespace roomgate::router::tls {

struct Options {
  std::vector<std::string> certificates;  // PEM files, or folders of them; the first is the default
  std::string min_version = "1.2";
  std::vector<std::string> alpn = {"http/1.1"};  // in order of preference
  int tickets = 1;                               // after a full handshake; 0: no resumption
  std::string ticket_keys;                       // file; empty: keys of this process
  std::string client_ca;                         // file; empty: clients are not asked for certificates
  std::string client_verify = "required";        // or "optional"
};

class Certificates {
 public:
  // Warnings tell what will never be chosen, and why.
  static Result<std::shared_ptr<const Certificates>, std::string> make(
      Options options, std::vector<Identity> identities, std::optional<ClientAuthorities> authorities,
      std::int64_t now, std::vector<std::string>& warnings);

  // Certificates of the same names, one for each kind of key; OpenSSL picks by what the client can.
  struct Group {
    std::vector<Identity> identities;
  };
  const std::vector<Group>& groups() const { return groups_; }
  std::optional<std::uint32_t> find(std::string_view host) const { return names_.find(host); }
  const Options& options() const { return options_; }
  const std::string& alpn() const { return alpn_; }  // wire format
  bool asks_clients() const { return authorities_.has_value(); }

  // A server context for a group, all but the callbacks. With `own_copies` it shares nothing that is written
  // to (reference counts) with contexts of other cores.
  Result<ContextPointer, std::string> make_context(const Group& group, bool own_copies) const;

 private:
  Certificates() = default;
  Options options_;
  std::vector<Group> groups_;
  NameIndex names_;
  std::string alpn_;
  std::optional<ClientAuthorities> authorities_;
};

// One core's, its thread.
class Contexts {
 public:
  static Result<std::unique_ptr<Contexts>, std::string> make(std::shared_ptr<const Certificates> certificates,
                                                             std::shared_ptr<const TicketKeys> keys);

  // For a new server-side connection. The set must outlive it.
  net::SslPointer accept() const;
  void set_ticket_keys(std::shared_ptr<const TicketKeys> keys) { keys_ = std::move(keys); }

  // RFC 9110 7.4: false when `host` has a certificate of its own here, other than the one that SNI chose:
  // 421.
  bool host_fits(SSL* ssl, std::string_view host) const;

  const Certificates& certificates() const { return *certificates_; }

 private:
  Contexts() = default;
  SSL_CTX* context(std::size_t group);
  void install(SSL_CTX* context);
  static int choose(SSL* ssl, int* alert, void* self);
  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                             const unsigned char* offered, unsigned int offered_length, void* self);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int encrypt);
  static int staple(SSL* ssl, void* self);

  std::shared_ptr<const Certificates> certificates_;
  std::vector<ContextPointer> contexts_;  // by group; null: nobody has asked for it yet
  std::shared_ptr<const TicketKeys> keys_;
};

}  // namespace roomgate::router::tls
