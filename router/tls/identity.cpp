#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <filesystem>

#include "base/encoding.hpp"
#include "router/tls/contexts.hpp"

namespace roomgate::router::tls {
namespace {

struct PemFile {
  std::string name;
  bool from_folder = false;
  std::vector<std::shared_ptr<X509>> certificates;
};

struct Gathered {
  std::vector<PemFile> files;
  std::vector<std::shared_ptr<EVP_PKEY>> keys;
};

std::shared_ptr<BIO> open_file(const std::string& name) {
  return {BIO_new_file(name.c_str(), "r"), [](BIO* bio) { BIO_free(bio); }};
}

// No passphrase prompt: a key that needs one is no key for a server.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<void, std::string> read_file(const std::string& name, bool from_folder, Gathered& out) {
  PemFile file{name, from_folder, {}};
  auto bio = open_file(name);
  if (bio == nullptr) return fail(name + ": cannot be read");
  while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, no_passphrase, nullptr)) {
    file.certificates.emplace_back(certificate, X509_free);
  }
  // One object kind at a time: the reader skips the others.
  bio = open_file(name);
  while (bio != nullptr) {
    EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr);
    if (key == nullptr) break;
    out.keys.emplace_back(key, EVP_PKEY_free);
  }
  ERR_clear_error();
  out.files.push_back(std::move(file));
  return {};
}

Result<void, std::string> gather(const std::string& path, Gathered& out) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(path, error)) return read_file(path, false, out);
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(path, error)) {
    const auto extension = ascii_lower(entry.path().extension().string());
    const bool known =
        extension == ".pem" || extension == ".crt" || extension == ".cer" || extension == ".key";
    if (known && fs::is_regular_file(entry.path(), error)) names.push_back(entry.path().string());
  }
  if (error) return fail(path + ": " + error.message());
  std::sort(names.begin(), names.end());
  for (const auto& name : names) {
    if (auto read = read_file(name, true, out); !read) return read;
  }
  return {};
}

std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  auto* alternatives =
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives, i);
    if (name->type != GEN_DNS) continue;
    const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
    names.push_back(ascii_lower({text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  GENERAL_NAMES_free(alternatives);
  if (!names.empty()) return names;
  std::array<char, 256> common{};
  const int length = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                               common.data(), static_cast<int>(common.size()));
  if (length > 0) names.push_back(ascii_lower({common.data(), static_cast<std::size_t>(length)}));
  return names;
}

}  // namespace

Result<std::vector<Identity>, std::string> load_identities(const std::vector<std::string>& paths) {
  Gathered gathered;
  for (const auto& path : paths) {
    if (auto read = gather(path, gathered); !read) return fail(read.error());
  }
  std::vector<Identity> identities;
  for (const auto& file : gathered.files) {
    if (file.certificates.empty()) continue;
    X509* leaf = file.certificates.front().get();
    const auto key = std::find_if(gathered.keys.begin(), gathered.keys.end(), [leaf](const auto& candidate) {
      return X509_check_private_key(leaf, candidate.get()) == 1;
    });
    ERR_clear_error();
    if (key == gathered.keys.end()) {
      if (file.from_folder) continue;
      return fail(file.name + ": no private key for this certificate in the files given");
    }
    const auto same = std::find_if(identities.begin(), identities.end(), [leaf](const Identity& identity) {
      return X509_cmp(identity.chain.front().get(), leaf) == 0;
    });
    if (same != identities.end()) {
      // cert.pem beside fullchain.pem: the longer chain is the useful one.
      if (file.certificates.size() > same->chain.size()) same->chain = file.certificates;
      continue;
    }
    identities.push_back({file.name, names_of(leaf), *key, file.certificates});
  }
  if (identities.empty()) return fail("no certificate with a private key in " + paths.front());
  return identities;
}

bool name_matches(std::string_view pattern, std::string_view host) {
  if (!pattern.starts_with("*.")) return ascii_iequals(pattern, host);
  const auto dot = host.find('.');
  return dot != std::string_view::npos && dot > 0 && ascii_iequals(pattern.substr(1), host.substr(dot));
}

}  // namespace roomgate::router::tls
