#include "router/tls/identity.hpp"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <ctime>
#include <set>
#include <unordered_map>

#include "base/encoding.hpp"
#include "router/tls/openssl.hpp"

namespace roomgate::router::tls {
namespace {

struct PemBlock {
  char* name = nullptr;
  char* header = nullptr;
  unsigned char* data = nullptr;
  long size = 0;
  ~PemBlock() {
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(data, static_cast<std::size_t>(size));
  }
};

std::string in_block(const std::string& file, std::size_t number, std::string_view kind) {
  return file + ": PEM block " + std::to_string(number) + " (" + std::string(kind) + "): ";
}

std::int64_t unix_time(const ASN1_TIME* time) {
  std::tm broken_down{};
  return ASN1_TIME_to_tm(time, &broken_down) == 1 ? ::timegm(&broken_down) : 0;
}

// SubjectPublicKeyInfo: what a key and its certificate have in common.
std::string public_key_of(X509* certificate) {
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
  std::string text(reinterpret_cast<char*>(der), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(der);
  return text;
}
std::string public_key_of(EVP_PKEY* key) {
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  std::string text(reinterpret_cast<char*>(der), size > 0 ? static_cast<std::size_t>(size) : 0);
  OPENSSL_free(der);
  return text;
}

std::string digest_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return {reinterpret_cast<char*>(digest.data()), size};
}

// A host name as certificates have them; anything else in that field serves nobody.
bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' || c == '*';
  });
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  const auto add = [&names](std::string_view text) {
    auto name = ascii_lower(text);
    if (is_name(name)) names.push_back(std::move(name));
  };
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    add({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
         static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))});
  }
  const bool has_alternatives = alternatives != nullptr;
  GENERAL_NAMES_free(alternatives);
  // RFC 6125 6.4.4: the common name only where there are no alternatives.
  if (has_alternatives) return names;
  std::array<char, 256> common{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               common.data(), static_cast<int>(common.size()));
  if (length > 0) add({common.data(), static_cast<std::size_t>(length)});
  return names;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "no name" : text;
}

struct Gathered {
  PemFile pem;
  bool from_folder = false;
};

Result<std::vector<Gathered>, std::string> gather(const std::vector<std::string>& paths,
                                                  const FileLimits& limits,
                                                  std::vector<std::string>& warnings) {
  std::vector<Gathered> all;
  for (const auto& path : paths) {
    const bool folder = is_folder(path);
    std::vector<std::string> names{path};
    if (folder) {
      auto listed = files_of(path, limits);
      if (!listed) return fail(listed.error());
      names = std::move(listed).value();
    }
    for (const auto& name : names) {
      if (folder && name.ends_with(".ocsp")) continue;
      auto text = read_file(name, limits);
      if (!text) return fail(text.error());
      auto pem = parse_pem(name, *text);
      if (!pem) return fail(pem.error());
      if (pem->certificates.empty() && pem->keys.empty()) {
        if (!folder) return fail(name + ": has neither a certificate nor a key in PEM");
        warnings.push_back(name + ": has neither a certificate nor a key in PEM; passed over");
      }
      all.push_back({std::move(pem).value(), folder});
    }
  }
  return all;
}

void read_staple_of(Identity& identity, std::int64_t now, const FileLimits& limits,
                    std::vector<std::string>& warnings) {
  for (const auto& name : ocsp_names(identity.file)) {
    std::error_code error;
    const auto bytes = read_file(name, limits);
    if (!bytes) continue;
    X509* issuer = identity.chain.size() > 1 ? identity.chain[1].get() : nullptr;
    auto staple = read_staple(as_bytes(*bytes), identity.chain.front().get(), issuer, now);
    if (staple) {
      identity.staple = std::move(staple).value();
      return;
    }
    warnings.push_back(name + ": " + staple.error() + "; not stapled");
  }
}

void warn_of_time(const Identity& identity, std::int64_t now, std::vector<std::string>& warnings) {
  if (now >= identity.not_after) {
    warnings.push_back(identity.file + ": expired on " + date_text(identity.not_after));
  } else if (now < identity.not_before) {
    warnings.push_back(identity.file + ": is not valid before " + date_text(identity.not_before));
  }
}

}  // namespace

std::string date_text(std::int64_t time) {
  std::tm broken_down{};
  const std::time_t seconds = time;
  ::gmtime_r(&seconds, &broken_down);
  std::array<char, 32> text{};
  const auto size = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S UTC", &broken_down);
  return {text.data(), size};
}

Result<PemFile, std::string> parse_pem(std::string name, std::string_view text) {
  PemFile file{.name = std::move(name)};
  const BioPointer bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  for (std::size_t number = 1;; ++number) {
    PemBlock block;
    ERR_clear_error();
    if (PEM_read_bio(bio.get(), &block.name, &block.header, &block.data, &block.size) != 1) {
      if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE) break;
      return fail(file.name + ": PEM block " + std::to_string(number) + ": " + last_error());
    }
    const std::string_view kind = block.name;
    const unsigned char* data = block.data;
    if (kind == PEM_STRING_X509 || kind == PEM_STRING_X509_OLD) {
      X509* certificate = d2i_X509(nullptr, &data, block.size);
      if (certificate == nullptr) return fail(in_block(file.name, number, kind) + last_error());
      file.certificates.emplace_back(certificate, X509_free);
      file.blocks.push_back(number);
    } else if (kind == PEM_STRING_X509_CRL) {
      X509_CRL* list = d2i_X509_CRL(nullptr, &data, block.size);
      if (list == nullptr) return fail(in_block(file.name, number, kind) + last_error());
      file.revocations.emplace_back(list, X509_CRL_free);
    } else if (kind.ends_with("PRIVATE KEY")) {
      const bool locked = kind.starts_with("ENCRYPTED") ||
                          std::string_view(block.header).find("ENCRYPTED") != std::string_view::npos;
      if (locked) return fail(in_block(file.name, number, kind) + "needs a passphrase, which nobody types");
      EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &data, block.size);
      if (key == nullptr) return fail(in_block(file.name, number, kind) + last_error());
      file.keys.emplace_back(key, EVP_PKEY_free);
    }
  }
  ERR_clear_error();
  return file;
}

Result<Identities, std::string> load_identities(const std::vector<std::string>& paths, std::int64_t now,
                                                const FileLimits& limits) {
  Identities out;
  const auto gathered = gather(paths, limits, out.warnings);
  if (!gathered) return fail(gathered.error());
  std::unordered_map<std::string, std::shared_ptr<EVP_PKEY>> keys;  // by public key
  for (const auto& file : *gathered) {
    for (const auto& key : file.pem.keys) keys.emplace(public_key_of(key.get()), key);
  }
  std::unordered_map<std::string, std::size_t> known;  // leaf's digest: place in out.all
  for (const auto& [pem, from_folder] : *gathered) {
    if (pem.certificates.empty()) continue;
    X509* leaf = pem.certificates.front().get();
    const auto key = keys.find(public_key_of(leaf));
    if (key == keys.end()) {
      if (from_folder && X509_check_ca(leaf) > 0) continue;
      return fail(in_block(pem.name, pem.blocks.front(), PEM_STRING_X509) +
                  "no private key for this certificate (" + joined(names_of(leaf)) + ") in the files given");
    }
    const auto [place, is_new] = known.emplace(digest_of(leaf), out.all.size());
    if (!is_new) {
      // cert.pem beside fullchain.pem: the longer chain is the useful one, and is the one that is named.
      Identity& same = out.all[place->second];
      if (pem.certificates.size() <= same.chain.size()) continue;
      same.chain = pem.certificates;
      same.file = pem.name;
      continue;
    }
    out.all.push_back({.file = pem.name,
                       .names = names_of(leaf),
                       .key = key->second,
                       .chain = pem.certificates,
                       .not_before = unix_time(X509_get0_notBefore(leaf)),
                       .not_after = unix_time(X509_get0_notAfter(leaf))});
  }
  ERR_clear_error();
  if (out.all.empty()) return fail("no certificate with a private key in " + joined(paths));
  for (Identity& identity : out.all) {
    read_staple_of(identity, now, limits, out.warnings);
    warn_of_time(identity, now, out.warnings);
  }
  return out;
}

}  // namespace roomgate::router::tls
