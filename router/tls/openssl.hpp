// OpenSSL's objects with an owner each, and its error queue as text. Used by every file of this folder; any
// thread.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <memory>
#include <string>

namespace roomgate::router::tls {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

using ContextPointer = Owned<SSL_CTX, SSL_CTX_free>;
using SessionPointer = Owned<SSL_SESSION, SSL_SESSION_free>;
using BioPointer = Owned<BIO, BIO_free>;

// Why the last call failed, without OpenSSL's numbers and file names; the queue is empty afterwards.
inline std::string last_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (const char* reason = ERR_reason_error_string(code); reason != nullptr) return reason;
  std::array<char, 256> text{};
  ERR_error_string_n(code, text.data(), text.size());
  return text.data();
}

}  // namespace roomgate::router::tls
