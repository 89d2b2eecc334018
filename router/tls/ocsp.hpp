// OCSP answers for stapling (RFC 6066 8, RFC 6960): checked before they are sent, since a client believes a
// wrong or stale one less than none. Pure, any thread.
#pragma once

#include <openssl/x509.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::router::tls {

struct Staple {
  std::vector<std::uint8_t> response;  // DER, as it goes out
  std::int64_t until = 0;              // Unix time; not sent from then on
};

// A staple only when the answer is signed by the issuer (or in its name), about this leaf, "good", and
// current at `now`. The issuer is the second certificate of the chain.
Result<Staple, std::string> read_staple(ByteView der, X509* leaf, X509* issuer, std::int64_t now);

}  // namespace roomgate::router::tls
