// Certificates made on the spot, and files for them.
#pragma once

#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace roomgate::tests {

struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "roomgate-tls-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return (path / name).string(); }
};

inline void write(const std::string& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

struct Made {
  std::shared_ptr<X509> x509;
  std::shared_ptr<EVP_PKEY> pkey;
  std::string certificate;  // PEM
  std::string key;          // PEM
};

struct Wish {
  std::string names;  // "DNS:a,DNS:b,IP:127.0.0.1"; empty: none
  const Made* issuer = nullptr;
  bool authority = false;
  bool rsa = false;
  long from = -60;  // seconds from now
  long until = 3600;
  std::string common_name = {};
};

inline std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  std::string text(data, static_cast<std::size_t>(size));
  BIO_free(bio);
  return text;
}

inline Made make(const Wish& wish) {
  static long serial = 0;
  Made made;
  made.pkey.reset(wish.rsa ? EVP_RSA_gen(2048) : EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.x509.reset(X509_new(), X509_free);
  X509* x = made.x509.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.from);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.until);
  X509_set_pubkey(x, made.pkey.get());
  const std::string name = wish.common_name.empty() ? "made " + std::to_string(serial) : wish.common_name;
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const auto extend = [x](int kind, const std::string& value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  if (!wish.names.empty()) extend(NID_subject_alt_name, wish.names);
  if (wish.authority) extend(NID_basic_constraints, "critical,CA:TRUE");
  const Made& issuer = wish.issuer == nullptr ? made : *wish.issuer;
  X509_set_issuer_name(x, X509_get_subject_name(issuer.x509.get()));
  X509_sign(x, issuer.pkey.get(), EVP_sha256());
  BIO* first = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(first, x);
  BIO* second = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(second, made.pkey.get(), nullptr, nullptr, 0, nullptr, nullptr);
  made.certificate = text_of(first);
  made.key = text_of(second);
  return made;
}
inline Made make(const char* names) { return make(Wish{.names = names}); }

}  // namespace roomgate::tests
