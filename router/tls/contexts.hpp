// The certificates of one listener and the choice between them: exact name, then wildcard, then the first.
// TLS 1.2 and 1.3, no renegotiation, no compression. One set per core (OpenSSL's reference counts and caches
// are then not shared); ticket keys are the same in all of them. A reload builds a new set: sessions keep
// theirs.
#pragma once

#include <openssl/ssl.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/net/stream.hpp"
#include "base/result.hpp"

namespace roomgate::router::tls {

// Encrypts session tickets. The previous key still opens them, so that a rotation costs nobody a handshake.
struct TicketKeys {
  struct Key {
    std::array<std::uint8_t, 16> name{};
    std::array<std::uint8_t, 32> cipher{};
    std::array<std::uint8_t, 32> mac{};
  };
  Key current;
  Key previous;

  static TicketKeys random();
  TicketKeys rotated() const;
};

struct Options {
  std::vector<std::string> certificates;  // PEM files, or folders of them; the first is the default
  std::string min_version = "1.2";
  std::vector<std::string> alpn = {"http/1.1"};  // in order of preference
};

// One certificate chain with its key, read and checked.
struct Identity {
  std::string file;
  std::vector<std::string> names;  // lower case; "*.example.org" possible
  std::shared_ptr<EVP_PKEY> key;
  std::vector<std::shared_ptr<X509>> chain;  // leaf first
};

// All identities of files and folders, in order. Key and chain may stand in one file or in several; in a
// folder, chains without a key and second copies of a leaf are passed over. The error names the file.
Result<std::vector<Identity>, std::string> load_identities(const std::vector<std::string>& paths);

// RFC 6125 6.4.3: a wildcard stands for exactly one left-most label.
bool name_matches(std::string_view pattern, std::string_view host);

class Contexts {
 public:
  static Result<std::unique_ptr<Contexts>, std::string> make(const Options& options,
                                                             const std::vector<Identity>& identities,
                                                             std::shared_ptr<const TicketKeys> keys);
  ~Contexts();

  // For a new server-side connection. The set must outlive it.
  net::SslPointer accept() const;
  // The core's thread only.
  void set_ticket_keys(std::shared_ptr<const TicketKeys> keys) { keys_ = std::move(keys); }

  // RFC 9110 7.4: false when `host` has a certificate of its own here, other than the one that SNI chose:
  // 421.
  bool host_fits(SSL* ssl, std::string_view host) const;

 private:
  struct Entry;
  Contexts();
  const Entry* find(std::string_view host) const;
  Result<void, std::string> add(const Options& options, const Identity& identity);
  static int choose(SSL* ssl, int* alert, void* self);
  static int choose_protocol(SSL* ssl, const unsigned char** out, unsigned char* out_length,
                             const unsigned char* offered, unsigned int offered_length, void* self);
  static int ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher,
                        EVP_MAC_CTX* mac, int encrypt);

  std::vector<std::unique_ptr<Entry>> entries_;
  std::string alpn_;  // wire format
  std::shared_ptr<const TicketKeys> keys_;
};

}  // namespace roomgate::router::tls
