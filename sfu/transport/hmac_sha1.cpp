// SHA1_* is marked deprecated in OpenSSL 3 in favour of EVP_MAC, whose contexts live on the heap and are
// copied or reset per message; the state kept by value here is what makes a wrong message cheap.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "sfu/transport/hmac_sha1.hpp"

#include <openssl/crypto.h>

namespace roomgate::sfu::transport {

HmacSha1::HmacSha1(ByteView key) {
  std::array<std::uint8_t, SHA_CBLOCK> block{};
  if (key.size() > block.size()) {
    SHA1(key.data(), key.size(), block.data());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  for (std::uint8_t& b : block) b ^= 0x36;
  SHA1_Init(&inner_);
  SHA1_Update(&inner_, block.data(), block.size());
  for (std::uint8_t& b : block) b ^= 0x36 ^ 0x5c;
  SHA1_Init(&outer_);
  SHA1_Update(&outer_, block.data(), block.size());
  OPENSSL_cleanse(block.data(), block.size());
}

HmacSha1::Digest HmacSha1::digest(ByteView first, ByteView second) const {
  Digest out;
  SHA_CTX context = inner_;
  SHA1_Update(&context, first.data(), first.size());
  if (!second.empty()) SHA1_Update(&context, second.data(), second.size());
  SHA1_Final(out.data(), &context);
  context = outer_;
  SHA1_Update(&context, out.data(), out.size());
  SHA1_Final(out.data(), &context);
  return out;
}

}  // namespace roomgate::sfu::transport
