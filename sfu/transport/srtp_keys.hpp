// What a DTLS handshake yields and SRTP starts from: a protection profile and one master key and salt per
// direction (RFC 5764 4.1.2, RFC 7714 12). Values; the bytes are wiped when they go.
#pragma once

#include <openssl/crypto.h>

#include <array>
#include <cstdint>

#include "base/bytes.hpp"

namespace roomgate::sfu::transport {

// The values are those of the use_srtp extension.
enum class SrtpProfile : std::uint16_t {
  aes128_cm_sha1_80 = 0x0001,
  aead_aes_128_gcm = 0x0007,
  aead_aes_256_gcm = 0x0008,
};

constexpr std::size_t key_size(SrtpProfile profile) {
  return profile == SrtpProfile::aead_aes_256_gcm ? 32 : 16;
}
constexpr std::size_t salt_size(SrtpProfile profile) {
  return profile == SrtpProfile::aes128_cm_sha1_80 ? 14 : 12;
}

// Only the first key_size and salt_size bytes count.
struct SrtpMasterKey {
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 14> salt{};

  SrtpMasterKey() = default;
  SrtpMasterKey(const SrtpMasterKey&) = default;
  SrtpMasterKey& operator=(const SrtpMasterKey&) = default;
  ~SrtpMasterKey() {
    OPENSSL_cleanse(key.data(), key.size());
    OPENSSL_cleanse(salt.data(), salt.size());
  }
};

struct SrtpKeys {
  SrtpProfile profile = SrtpProfile::aead_aes_128_gcm;
  SrtpMasterKey client;  // what the client sends is under this one: we unprotect with it
  SrtpMasterKey server;  // what we send
};

}  // namespace roomgate::sfu::transport
