#include "sfu/transport/srtp_cipher.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <cstdlib>

#include "sfu/transport/hmac_sha1.hpp"

namespace roomgate::sfu::transport {
namespace {

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// A context with its key set; per packet only the IV changes. Failing here means no memory or no AES in the
// library: going on would send media in the clear or not at all.
Context make_context(const EVP_CIPHER* cipher, const std::uint8_t* key, bool encrypt) {
  Context context(EVP_CIPHER_CTX_new());
  if (!context || EVP_CipherInit_ex(context.get(), cipher, nullptr, key, nullptr, encrypt ? 1 : 0) != 1)
    std::abort();
  EVP_CIPHER_CTX_set_padding(context.get(), 0);
  return context;
}

class EvpGcmKey final : public CipherKey {
 public:
  EvpGcmKey(SrtpProfile profile, const SrtpSessionKey& key)
      : cipher_(profile == SrtpProfile::aead_aes_256_gcm ? EVP_aes_256_gcm() : EVP_aes_128_gcm()),
        key_(key) {}

  void seal(CipherJob& job) override {
    EVP_CIPHER_CTX* context = context_for(seal_, true);
    int size = 0;
    bool ok = begin(context, job, true);
    ok = ok && (job.secret.empty() || EVP_EncryptUpdate(context, job.secret.data(), &size, job.secret.data(),
                                                        static_cast<int>(job.secret.size())) == 1);
    ok = ok && EVP_EncryptFinal_ex(context, job.tag, &size) == 1;
    ok = ok && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, job.tag) == 1;
    if (!ok) std::abort();
  }

  bool open(CipherJob& job) override {
    EVP_CIPHER_CTX* context = context_for(open_, false);
    int size = 0;
    std::array<std::uint8_t, 16> rest;
    return begin(context, job, false) &&
           EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, job.tag) == 1 &&
           (job.secret.empty() || EVP_DecryptUpdate(context, job.secret.data(), &size, job.secret.data(),
                                                    static_cast<int>(job.secret.size())) == 1) &&
           EVP_DecryptFinal_ex(context, rest.data(), &size) == 1;
  }

 private:
  // A session works in one direction, so the other context is never made.
  EVP_CIPHER_CTX* context_for(Context& context, bool encrypt) {
    if (!context) context = make_context(cipher_, key_.key.data(), encrypt);
    return context.get();
  }

  static bool begin(EVP_CIPHER_CTX* context, CipherJob& job, bool encrypt) {
    int size = 0;
    return EVP_CipherInit_ex(context, nullptr, nullptr, nullptr, job.iv.data(), encrypt ? 1 : 0) == 1 &&
           EVP_CipherUpdate(context, nullptr, &size, job.clear.data(), static_cast<int>(job.clear.size())) ==
               1 &&
           (job.trailer_size == 0 ||
            EVP_CipherUpdate(context, nullptr, &size, job.trailer.data(), job.trailer_size) == 1);
  }

  const EVP_CIPHER* cipher_;
  const SrtpSessionKey key_;
  Context seal_;
  Context open_;
};

class EvpCounterKey final : public CipherKey {
 public:
  explicit EvpCounterKey(const SrtpSessionKey& key)
      : context_(make_context(EVP_aes_128_ctr(), key.key.data(), true)), mac_(key.auth) {}

  void seal(CipherJob& job) override {
    if (!crypt(job)) std::abort();
    const HmacSha1::Digest digest = digest_of(job);
    std::memcpy(job.tag, digest.data(), tag_size(SrtpProfile::aes128_cm_sha1_80));
  }

  bool open(CipherJob& job) override {
    const HmacSha1::Digest digest = digest_of(job);
    if (CRYPTO_memcmp(digest.data(), job.tag, tag_size(SrtpProfile::aes128_cm_sha1_80)) != 0) return false;
    return crypt(job);
  }

 private:
  // Counter mode is its own inverse.
  bool crypt(CipherJob& job) {
    int size = 0;
    return EVP_CipherInit_ex(context_.get(), nullptr, nullptr, nullptr, job.iv.data(), 1) == 1 &&
           (job.secret.empty() ||
            EVP_EncryptUpdate(context_.get(), job.secret.data(), &size, job.secret.data(),
                              static_cast<int>(job.secret.size())) == 1);
  }

  HmacSha1::Digest digest_of(const CipherJob& job) const {
    // Header and payload lie one behind the other.
    return mac_.digest({job.clear.data(), job.clear.size() + job.secret.size()},
                       ByteView(job.trailer).first(job.trailer_size));
  }

  Context context_;
  const HmacSha1 mac_;
};

class EvpEngine final : public CipherEngine {
 public:
  std::unique_ptr<CipherKey> make_key(SrtpProfile profile, const SrtpSessionKey& key) override {
    if (profile == SrtpProfile::aes128_cm_sha1_80) return std::make_unique<EvpCounterKey>(key);
    return std::make_unique<EvpGcmKey>(profile, key);
  }
};

}  // namespace

SrtpSessionKey::~SrtpSessionKey() {
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(salt.data(), salt.size());
  OPENSSL_cleanse(auth.data(), auth.size());
}

void derive_key(ByteView master_key, ByteView master_salt, std::uint8_t label, ByteSpan out) {
  // RFC 3711 4.3.1: label at byte 7 of the 14-byte salt, then a 16-bit counter. RFC 7714 11: a 12-byte salt
  // is filled up with zeros on the right.
  std::array<std::uint8_t, 16> iv{};
  std::copy_n(master_salt.begin(), std::min<std::size_t>(master_salt.size(), 14), iv.begin());
  iv[7] ^= label;
  const EVP_CIPHER* cipher = master_key.size() == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
  const Context context = make_context(cipher, master_key.data(), true);
  std::fill(out.begin(), out.end(), std::uint8_t{0});
  int size = 0;
  if (EVP_CipherInit_ex(context.get(), nullptr, nullptr, nullptr, iv.data(), 1) != 1 ||
      EVP_EncryptUpdate(context.get(), out.data(), &size, out.data(), static_cast<int>(out.size())) != 1) {
    std::abort();
  }
}

SrtpSessionKey derive_session_key(SrtpProfile profile, const SrtpMasterKey& master, bool rtcp) {
  const ByteView key = ByteView(master.key).first(key_size(profile));
  const ByteView salt = ByteView(master.salt).first(salt_size(profile));
  const std::uint8_t base = rtcp ? 3 : 0;
  SrtpSessionKey out;
  derive_key(key, salt, base, ByteSpan(out.key).first(key_size(profile)));
  if (profile == SrtpProfile::aes128_cm_sha1_80)
    derive_key(key, salt, static_cast<std::uint8_t>(base + 1), out.auth);
  derive_key(key, salt, static_cast<std::uint8_t>(base + 2), ByteSpan(out.salt).first(salt_size(profile)));
  return out;
}

std::array<std::uint8_t, 16> cipher_iv(SrtpProfile profile, ByteView salt, std::uint32_t ssrc,
                                       std::uint64_t index) {
  std::array<std::uint8_t, 16> iv{};
  std::array<std::uint8_t, 8> bytes;
  store64(bytes.data(), index);
  // RFC 3711 4.1.1: SSRC at bytes 4 to 7, index at 8 to 13. RFC 7714 8.1 and 9.1: SSRC at 2 to 5, index at 6
  // to 11.
  const std::size_t at = profile == SrtpProfile::aes128_cm_sha1_80 ? 4 : 2;
  store32(&iv[at], ssrc);
  std::copy(bytes.begin() + 2, bytes.end(), iv.begin() + static_cast<std::ptrdiff_t>(at + 4));
  for (std::size_t i = 0; i < salt_size(profile); ++i) iv[i] ^= salt[i];
  return iv;
}

void CipherEngine::seal(std::span<CipherJob> jobs) {
  for (CipherJob& job : jobs) job.key->seal(job);
}

void CipherEngine::open(std::span<CipherJob> jobs) {
  for (CipherJob& job : jobs) job.authentic = job.key->open(job);
}

CipherEngine& evp_engine() {
  static EvpEngine engine;
  return engine;
}

CipherEngine& best_engine() {
  static CipherEngine& best = multi_buffer_engine() != nullptr ? *multi_buffer_engine() : evp_engine();
  return best;
}

}  // namespace roomgate::sfu::transport
