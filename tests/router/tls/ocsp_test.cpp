#include "router/tls/ocsp.hpp"

#include "support.hpp"

using namespace roomgate;
using namespace roomgate::router::tls;
using namespace roomgate::router::tls::test;

TEST_CASE("an OCSP answer is stapled only when it is the issuer's, about this leaf, good and current") {
  const auto authority = make({.authority = true});
  const auto stranger = make({.authority = true});
  const auto leaf = make({.names = "DNS:one.example", .issuer = &authority});
  const auto other = make({.names = "DNS:two.example", .issuer = &authority});
  const auto verdict = [&](const std::string& der, bool with_issuer = true) {
    const auto read = read_staple(as_bytes(der), leaf.x509.get(),
                                  with_issuer ? authority.x509.get() : nullptr, std::time(nullptr));
    return read ? std::string("taken") : read.error();
  };
  const auto good = ocsp_answer(leaf, authority, authority, {});

  CHECK(verdict(good) == "taken");
  CHECK(verdict(good, false).starts_with("cannot be checked"));
  CHECK(verdict(good + "x") == "is no OCSP answer in DER");
  CHECK(verdict(good.substr(0, 40)) == "is no OCSP answer in DER");
  CHECK(verdict("") == "is no OCSP answer in DER");
  CHECK(verdict(ocsp_answer(other, authority, authority, {})) == "is not about this certificate");
  CHECK(verdict(ocsp_answer(leaf, authority, stranger, {})).starts_with("is not signed for its issuer"));
  CHECK(verdict(ocsp_answer(leaf, authority, authority, {.status = V_OCSP_CERTSTATUS_REVOKED})) ==
        "says that the certificate is revoked");
  CHECK(verdict(ocsp_answer(leaf, authority, authority, {.from = -7200, .until = -3600}))
            .starts_with("is out of date since"));
  CHECK(verdict(ocsp_answer(leaf, authority, authority, {.from = 3600, .until = 7200}))
            .starts_with("is not valid before"));
}
