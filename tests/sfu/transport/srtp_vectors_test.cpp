// The examples of RFC 3711 appendix B and RFC 7714 sections 16 and 17.
#include <doctest/doctest.h>

#include <algorithm>

#include "sfu/transport/srtp.hpp"
#include "tests/sfu/transport/hex.hpp"

using namespace roomgate;
using namespace roomgate::sfu::transport;

namespace {

using Bytes = std::vector<std::uint8_t>;

SrtpSessionKey session_key(std::string_view key, std::string_view salt) {
  SrtpSessionKey out;
  const Bytes key_bytes = hex(key);
  const Bytes salt_bytes = hex(salt);
  std::copy(key_bytes.begin(), key_bytes.end(), out.key.begin());
  std::copy(salt_bytes.begin(), salt_bytes.end(), out.salt.begin());
  return out;
}

struct GcmExample {
  SrtpProfile profile;
  std::string_view key;
  std::string_view rtp;
  std::string_view rtcp;
};

constexpr std::string_view kSalt = "51756964 2070726f 2071756f";
constexpr std::string_view kRtp =
    "8040f17b 8041f8d3 5501a0b2 47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465 "
    "73207472 6573";
constexpr std::string_view kRtcp =
    "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61 deadbeef deadbeef deadbeef "
    "deadbeef "
    "deadbeef";
constexpr std::uint64_t kRtcpIndex = 0x5d4;

const GcmExample kExamples[] = {
    {SrtpProfile::aead_aes_128_gcm, "000102030405060708090a0b0c0d0e0f",
     "8040f17b 8041f8d3 5501a0b2 f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b "
     "36de3adf "
     "8833899d 7f27beb1 6a9152cf 765ee439 0cce",
     "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1 730d6fda 4ce09b46 "
     "86303ded "
     "0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"},
    {SrtpProfile::aead_aes_256_gcm, "000102030405060708090a0b0c0d0e0f 101112131415161718191a1b1c1d1e1f",
     "8040f17b 8041f8d3 5501a0b2 32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f "
     "1ba63799 "
     "b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13",
     "81c8000d 4d617273 d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1 110555be 8415f658 "
     "c61de047 "
     "6f1b6fad 1d1eb30c 4446839f 57ff6f6c b26ac3be 800005d4"},
};

// Both, where both are.
std::vector<CipherEngine*> engines() {
  std::vector<CipherEngine*> out = {&evp_engine()};
  if (multi_buffer_engine() != nullptr) out.push_back(multi_buffer_engine());
  return out;
}

}  // namespace

TEST_CASE("derives the session keys of RFC 3711 B.3") {
  const Bytes master = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
  const Bytes salt = hex("0EC675AD498AFEEBB6960B3AABE6");
  Bytes key(16);
  Bytes session_salt(14);
  Bytes auth(94);

  derive_key(master, salt, 0, key);
  derive_key(master, salt, 1, auth);
  derive_key(master, salt, 2, session_salt);

  CHECK(key == hex("C61E7A93744F39EE10734AFE3FF7A087"));
  CHECK(session_salt == hex("30CBBC08863D8C85D49DB34A9AE1"));
  CHECK(
      auth ==
      hex("CEBE321F6FF7716B6FD4AB49AF256A15 6D38BAA48F0A0ACF3C34E2359E6CDBCE E049646C43D9327AD175578EF7227098"
          "6371C10C9A369AC2F94A8C5FBCDDDC25 6D6E919A48B610EF17C2041E47403576 6B68642C59BBFC2F34DB60DBDFB2"));
}

TEST_CASE("makes the key stream of RFC 3711 B.2") {
  // Session key and salt are given, SSRC and index are 0; zeros show the key stream.
  const SrtpSessionKey key = session_key("2B7E151628AED2A6ABF7158809CF4F3C", "F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
  const auto cipher = evp_engine().make_key(SrtpProfile::aes128_cm_sha1_80, key);
  Bytes zeros(0xff02 * 16);
  std::array<std::uint8_t, 16> tag;
  CipherJob job;
  job.key = cipher.get();
  job.iv = cipher_iv(SrtpProfile::aes128_cm_sha1_80, key.salt, 0, 0);
  job.clear = ByteSpan(zeros).first(0);
  job.secret = zeros;
  job.tag = tag.data();

  cipher->seal(job);

  const auto block = [&](std::size_t number) {
    return Bytes(zeros.begin() + static_cast<std::ptrdiff_t>(number * 16),
                 zeros.begin() + static_cast<std::ptrdiff_t>(number * 16 + 16));
  };
  CHECK(block(0) == hex("E03EAD0935C95E80E166B16DD92B4EB4"));
  CHECK(block(1) == hex("D23513162B02D0F72A43A2FE4A5F97AB"));
  CHECK(block(2) == hex("41E95B3BB0A2E8DD477901E4FCA894C0"));
  CHECK(block(0xfeff) == hex("EC8CDF7398607CB0F2D21675EA9EA1E4"));
  CHECK(block(0xff00) == hex("362B7C3C6773516318A077D7FC5073AE"));
  CHECK(block(0xff01) == hex("6A2CC3787889374FBEB4C81B17BA6C44"));
}

TEST_CASE("protects and unprotects the RTP packets of RFC 7714 16") {
  for (CipherEngine* engine : engines())
    for (const GcmExample& example : kExamples) {
      const SrtpSessionKey key = session_key(example.key, kSalt);
      SrtpSession sender(example.profile, key, key, SrtpDirection::protect, {}, *engine);
      SrtpSession receiver(example.profile, key, key, SrtpDirection::unprotect, {}, *engine);
      const Bytes plain = hex(kRtp);
      Bytes buffer = plain;
      buffer.resize(plain.size() + SrtpSession::kMaxOverhead);

      const auto sealed = sender.protect_rtp(buffer, plain.size());
      REQUIRE(sealed);
      CHECK(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*sealed)) == hex(example.rtp));

      const auto opened = receiver.unprotect_rtp(ByteSpan(buffer).first(*sealed));
      REQUIRE(opened);
      CHECK(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*opened)) == plain);
    }
}

TEST_CASE("protects and unprotects the RTCP packets of RFC 7714 17") {
  for (CipherEngine* engine : engines())
    for (const GcmExample& example : kExamples) {
      const SrtpSessionKey key = session_key(example.key, kSalt);
      SrtpSession sender(example.profile, key, key, SrtpDirection::protect, {}, *engine);
      SrtpSession receiver(example.profile, key, key, SrtpDirection::unprotect, {}, *engine);
      const Bytes plain = hex(kRtcp);
      Bytes buffer;
      std::size_t size = 0;
      for (std::uint64_t index = 0; index <= kRtcpIndex; ++index) {
        buffer = plain;
        buffer.resize(plain.size() + SrtpSession::kMaxOverhead);
        const auto sealed = sender.protect_rtcp(buffer, plain.size());
        REQUIRE(sealed);
        size = *sealed;
      }
      CHECK(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)) == hex(example.rtcp));

      const auto opened = receiver.unprotect_rtcp(ByteSpan(buffer).first(size));
      REQUIRE(opened);
      CHECK(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*opened)) == plain);
    }
}

TEST_CASE("opens what the RFCs show and refuses it with any bit changed") {
  for (CipherEngine* engine : engines())
    for (const GcmExample& example : kExamples) {
      const SrtpSessionKey key = session_key(example.key, kSalt);
      const Bytes packet = hex(example.rtp);
      for (std::size_t bit = 0; bit < packet.size() * 8; ++bit) {
        SrtpSession receiver(example.profile, key, key, SrtpDirection::unprotect, {}, *engine);
        Bytes changed = packet;
        changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));

        CAPTURE(bit);
        CHECK(!receiver.unprotect_rtp(changed));
        CHECK(receiver.rtp_streams() == 0);
      }
    }
}
