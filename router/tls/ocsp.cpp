#include "router/tls/ocsp.hpp"

#include <openssl/ocsp.h>
#include <openssl/x509_vfy.h>

#include <ctime>
#include <limits>

#include "router/tls/identity.hpp"
#include "router/tls/openssl.hpp"

namespace roomgate::router::tls {
namespace {

constexpr std::int64_t kClockSkew = 300;
// RFC 6960 4.2.2.1: without nextUpdate newer word is always to be had; so such an answer is not kept for
// long.
constexpr std::int64_t kWithoutNextUpdate = 24 * 3600;

using Response = Owned<OCSP_RESPONSE, OCSP_RESPONSE_free>;
using Basic = Owned<OCSP_BASICRESP, OCSP_BASICRESP_free>;
using CertificateId = Owned<OCSP_CERTID, OCSP_CERTID_free>;
using Store = Owned<X509_STORE, X509_STORE_free>;

std::int64_t unix_time(const ASN1_GENERALIZEDTIME* time) {
  std::tm broken_down{};
  return ASN1_TIME_to_tm(time, &broken_down) == 1 ? ::timegm(&broken_down) : 0;
}

// The answer may name the certificate by any hash; ours is made with the same one.
OCSP_SINGLERESP* answer_about(OCSP_BASICRESP* basic, X509* leaf, X509* issuer) {
  for (int i = 0; i < OCSP_resp_count(basic); ++i) {
    OCSP_SINGLERESP* single = OCSP_resp_get0(basic, i);
    auto* theirs = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(single));
    ASN1_OBJECT* hash = nullptr;
    if (OCSP_id_get0_info(nullptr, &hash, nullptr, nullptr, theirs) != 1) continue;
    const EVP_MD* digest = EVP_get_digestbyobj(hash);
    if (digest == nullptr) continue;
    const CertificateId ours(OCSP_cert_to_id(digest, leaf, issuer));
    if (ours != nullptr && OCSP_id_cmp(ours.get(), theirs) == 0) return single;
  }
  return nullptr;
}

bool signed_for(OCSP_BASICRESP* basic, X509* issuer) {
  const Store store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), issuer);
  // The issuer is what we trust here, whether or not it signed itself.
  X509_STORE_set_flags(store.get(), X509_V_FLAG_PARTIAL_CHAIN);
  STACK_OF(X509)* helpers = sk_X509_new_null();
  sk_X509_push(helpers, issuer);
  const bool good = OCSP_basic_verify(basic, helpers, store.get(), 0) == 1;
  sk_X509_free(helpers);
  return good;
}

}  // namespace

Result<Staple, std::string> read_staple(ByteView der, X509* leaf, X509* issuer, std::int64_t now) {
  if (issuer == nullptr) {
    return fail(std::string("cannot be checked: the certificate's file does not have its issuer's after it"));
  }
  const auto* data = der.data();
  const Response response(d2i_OCSP_RESPONSE(nullptr, &data, static_cast<long>(der.size())));
  if (response == nullptr || data != der.data() + der.size()) {
    ERR_clear_error();
    return fail(std::string("is no OCSP answer in DER"));
  }
  const int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL) {
    return fail(std::string("says ") + OCSP_response_status_str(status));
  }
  const Basic basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return fail("is of an unknown kind: " + last_error());
  OCSP_SINGLERESP* single = answer_about(basic.get(), leaf, issuer);
  if (single == nullptr) return fail(std::string("is not about this certificate"));
  if (!signed_for(basic.get(), issuer)) return fail("is not signed for its issuer: " + last_error());
  ASN1_GENERALIZEDTIME* this_update = nullptr;
  ASN1_GENERALIZEDTIME* next_update = nullptr;
  const int verdict = OCSP_single_get0_status(single, nullptr, nullptr, &this_update, &next_update);
  if (verdict != V_OCSP_CERTSTATUS_GOOD) {
    return fail(std::string("says that the certificate is ") + OCSP_cert_status_str(verdict));
  }
  const std::int64_t from = unix_time(this_update);
  const std::int64_t until = next_update == nullptr ? from + kWithoutNextUpdate : unix_time(next_update);
  if (now + kClockSkew < from) return fail("is not valid before " + date_text(from));
  if (now >= until) return fail("is out of date since " + date_text(until));
  return Staple{{der.begin(), der.end()}, until};
}

}  // namespace roomgate::router::tls
