// HMAC-SHA1 (RFC 2104) under one key whose two pads are hashed once: what is left per message is its own
// bytes and two blocks, no allocation and no lookup, so that a STUN flood or a CM-SHA1 packet costs little.
// Owned by whoever holds the key; a value, const use from one thread at a time or many.
#pragma once

#include <openssl/sha.h>

#include <array>

#include "base/bytes.hpp"

namespace roomgate::sfu::transport {

class HmacSha1 {
 public:
  static constexpr std::size_t kSize = 20;
  using Digest = std::array<std::uint8_t, kSize>;

  HmacSha1() : HmacSha1(ByteView{}) {}
  explicit HmacSha1(ByteView key);

  Digest digest(ByteView message) const { return digest(message, {}); }
  // Of both parts, one after the other.
  Digest digest(ByteView first, ByteView second) const;

 private:
  SHA_CTX inner_;
  SHA_CTX outer_;
};

}  // namespace roomgate::sfu::transport
