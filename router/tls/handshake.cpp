#include "router/tls/handshake.hpp"

#include <openssl/sslerr.h>

#include <utility>

#include "router/tls/openssl.hpp"

namespace roomgate::router::tls {

HandshakeFailure explain_failure(const SSL* ssl) {
  const unsigned long code = ERR_peek_last_error();
  const int reason = ERR_GET_REASON(code);
  const long verdict = ssl == nullptr ? X509_V_OK : SSL_get_verify_result(ssl);
  if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    ERR_clear_error();
    return {true, "no certificate shown"};
  }
  if (verdict != X509_V_OK && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    ERR_clear_error();
    return {true, std::string("certificate: ") + X509_verify_cert_error_string(verdict)};
  }
  if (code == 0) return {false, "the peer went away"};
  return {false, last_error()};
}

std::optional<std::uint64_t> FailureTally::note(TimePoint now) {
  ++since_;
  if (last_ && now - *last_ < limits_.every) return std::nullopt;
  last_ = now;
  return std::exchange(since_, 0);
}

}  // namespace roomgate::router::tls
