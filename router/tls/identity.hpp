// Certificate chains with their keys, read from PEM files and folders and checked, before any of them serves.
// An error names the file, and the PEM block in it; what is only odd is a warning. Start-up and reload,
// control core.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "router/tls/files.hpp"
#include "router/tls/ocsp.hpp"

namespace roomgate::router::tls {

// What one PEM file holds, in its order.
struct PemFile {
  std::string name;
  std::vector<std::shared_ptr<X509>> certificates;
  std::vector<std::size_t> blocks;  // of each certificate: which PEM block it is, from 1
  std::vector<std::shared_ptr<X509_CRL>> revocations;
  std::vector<std::shared_ptr<EVP_PKEY>> keys;
};
// Blocks of other kinds are passed over. Fails at the first that is cut off, is not what it says it is, or
// needs a passphrase.
Result<PemFile, std::string> parse_pem(std::string name, std::string_view text);

struct Identity {
  std::string file;
  std::vector<std::string> names;  // lower case; "*.example.org" possible
  std::shared_ptr<EVP_PKEY> key;
  std::vector<std::shared_ptr<X509>> chain;  // leaf first
  std::int64_t not_before = 0;               // Unix time
  std::int64_t not_after = 0;
  std::optional<Staple> staple;

  bool valid_at(std::int64_t now) const { return not_before <= now && now < not_after; }
};

struct Identities {
  std::vector<Identity> all;  // in the order given; folders by file name
  std::vector<std::string> warnings;
};

// Key and chain may stand in one file or in several. In a folder, authorities' certificates without a key and
// second copies of a leaf are passed over; a server's certificate whose key is nowhere is an error there too:
// left out silently, its names would get the wrong certificate.
Result<Identities, std::string> load_identities(const std::vector<std::string>& paths, std::int64_t now,
                                                const FileLimits& limits = {});

// "2026-11-23 01:05:28 UTC"
std::string date_text(std::int64_t unix_time);

}  // namespace roomgate::router::tls
