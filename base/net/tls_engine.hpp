// OpenSSL's way to a Stream's descriptor: a BIO that remembers readiness (no read that would find nothing)
// and gathers small writes until the stream flushes them. No state of its own; the stream's thread.
#pragma once

#include <openssl/bio.h>

#include "base/net/stream.hpp"

namespace roomgate::net {

struct TlsEngine {
  // Gives `ssl` a BIO on that stream, which must outlive it.
  static void attach(SSL* ssl, Stream& stream);

  static int on_write(BIO* bio, const char* bytes, int size);
  static int on_read(BIO* bio, char* into, int size);
  static long on_control(BIO* bio, int command, long number, void* pointer);
};

}  // namespace roomgate::net
