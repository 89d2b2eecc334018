#include "base/siphash.hpp"

#include <bit>
#include <cstring>

#include "base/random.hpp"

namespace roomgate {
namespace {

struct State {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  }
};

std::uint64_t load_little(const std::uint8_t* p, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value |= std::uint64_t{p[i]} << (8 * i);
  return value;
}

// The same of eight bytes, in one load where the machine has them in that order.
std::uint64_t load_word(const std::uint8_t* p) {
  if constexpr (std::endian::native != std::endian::little) return load_little(p, 8);
  std::uint64_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return word;
}

}  // namespace

std::uint64_t siphash(ByteView bytes, const std::array<std::uint64_t, 2>& key) {
  State s{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
          key[1] ^ 0x7465646279746573};
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    const std::uint64_t word = load_word(&bytes[at]);
    s.v3 ^= word;
    s.round();
    s.round();
    s.v0 ^= word;
  }
  const std::uint64_t last =
      load_little(bytes.data() + at, bytes.size() - at) | (std::uint64_t{bytes.size() & 0xff} << 56);
  s.v3 ^= last;
  s.round();
  s.round();
  s.v0 ^= last;
  s.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) s.round();
  return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

std::uint64_t siphash(ByteView bytes) {
  static const std::array<std::uint64_t, 2> key = {random_u64(), random_u64()};
  return siphash(bytes, key);
}

}  // namespace roomgate
