#include "base/random.hpp"

#include <openssl/rand.h>

#include <array>
#include <cstdlib>

#include "base/encoding.hpp"

namespace roomgate {

void random_bytes(ByteSpan out) {
  // Without randomness no secret we hand out means anything: stop rather than go on guessable.
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) std::abort();
}

std::uint32_t random_u32() {
  std::array<std::uint8_t, 4> bytes;
  random_bytes(bytes);
  return load32(bytes.data());
}

std::uint64_t random_u64() {
  std::array<std::uint8_t, 8> bytes;
  random_bytes(bytes);
  return load64(bytes.data());
}

std::string random_hex(std::size_t bytes) {
  std::string raw(bytes, '\0');
  random_bytes({reinterpret_cast<std::uint8_t*>(raw.data()), raw.size()});
  return to_hex(as_bytes(raw));
}

std::string random_uuid() {
  std::array<std::uint8_t, 16> bytes;
  random_bytes(bytes);
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (std::size_t at : {8u, 13u, 18u, 23u}) text.insert(at, 1, '-');
  return text;
}

}  // namespace roomgate
