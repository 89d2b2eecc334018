#include "router/tls/client_auth.hpp"

#include <openssl/x509v3.h>

#include <ctime>

#include "router/tls/openssl.hpp"

namespace roomgate::router::tls {
namespace {

std::string der_of(const PemFile& pem) {
  std::string all;
  for (const auto& certificate : pem.certificates) {
    unsigned char* der = nullptr;
    const int size = i2d_X509(certificate.get(), &der);
    if (size > 0) all.append(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  for (const auto& list : pem.revocations) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_CRL(list.get(), &der);
    if (size > 0) all.append(reinterpret_cast<char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
  }
  return all;
}

}  // namespace

Result<ClientAuthorities, std::string> load_client_authorities(const std::string& file, bool required,
                                                               std::int64_t now,
                                                               std::vector<std::string>& warnings) {
  const auto text = read_file(file);
  if (!text) return fail(text.error());
  const auto pem = parse_pem(file, *text);
  if (!pem) return fail(pem.error());
  if (pem->certificates.empty()) return fail(file + ": has no certificate in PEM");
  ClientAuthorities out{.file = file,
                        .store = {X509_STORE_new(), X509_STORE_free},
                        .certificates = pem->certificates,
                        .required = required};
  for (std::size_t i = 0; i < pem->certificates.size(); ++i) {
    X509* certificate = pem->certificates[i].get();
    const auto where = file + ": PEM block " + std::to_string(pem->blocks[i]) + ": ";
    if (X509_check_ca(certificate) == 0) warnings.push_back(where + "is not the certificate of an authority");
    const std::time_t at = now;
    if (X509_cmp_time(X509_get0_notAfter(certificate), const_cast<std::time_t*>(&at)) < 0) {
      warnings.push_back(where + "has expired");
    }
    X509_STORE_add_cert(out.store.get(), certificate);
  }
  for (const auto& list : pem->revocations) X509_STORE_add_crl(out.store.get(), list.get());
  if (!pem->revocations.empty()) X509_STORE_set_flags(out.store.get(), X509_V_FLAG_CRL_CHECK);
  const std::string all = (required ? "required" : "optional") + der_of(*pem);
  unsigned size = 0;
  EVP_Digest(all.data(), all.size(), out.digest.data(), &size, EVP_sha256(), nullptr);
  ERR_clear_error();
  return out;
}

std::string client_subject(SSL* ssl) {
  const X509* certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return "";
  const BioPointer bio(BIO_new(BIO_s_mem()));
  // RFC 2253 form escapes control characters and everything beyond ASCII: safe in a header's value.
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  std::string text(data, size > 0 ? static_cast<std::size_t>(size) : 0);
  if (text.size() > kMaxSubject) return "";
  for (const char c : text) {
    if (c < 0x20 || c > 0x7e) return "";
  }
  return text;
}

}  // namespace roomgate::router::tls
