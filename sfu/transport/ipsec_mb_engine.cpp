// GCM through Intel's multi-buffer library, several times faster than EVP where the processor has wide AES
// (VAES). Its one-shot calls need no context and no lanes, so a job is a call. Counter mode with HMAC-SHA1
// stays with EVP: it gains only from many jobs at once, and no browser chooses it when GCM is offered. Built
// where the library is found.
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include "sfu/transport/srtp_cipher.hpp"

namespace roomgate::sfu::transport {
namespace {

class MultiBufferGcmKey final : public CipherKey {
 public:
  MultiBufferGcmKey(const IMB_MGR& manager, SrtpProfile profile, const SrtpSessionKey& key)
      : seal_(profile == SrtpProfile::aead_aes_256_gcm ? manager.gcm256_enc : manager.gcm128_enc),
        open_(profile == SrtpProfile::aead_aes_256_gcm ? manager.gcm256_dec : manager.gcm128_dec) {
    (profile == SrtpProfile::aead_aes_256_gcm ? manager.gcm256_pre : manager.gcm128_pre)(key.key.data(),
                                                                                         &key_);
  }
  ~MultiBufferGcmKey() override { OPENSSL_cleanse(&key_, sizeof key_); }

  void seal(CipherJob& job) override { run(seal_, job, job.tag); }

  bool open(CipherJob& job) override {
    std::array<std::uint8_t, 16> tag;
    run(open_, job, tag.data());
    return CRYPTO_memcmp(tag.data(), job.tag, tag.size()) == 0;
  }

 private:
  void run(aes_gcm_enc_dec_t function, CipherJob& job, std::uint8_t* tag) {
    // RTCP's header is short, and its authenticated trailer lies elsewhere (RFC 7714 9.2).
    std::array<std::uint8_t, 16> joined;
    ByteView clear = job.clear;
    if (job.trailer_size > 0) {
      std::memcpy(joined.data(), clear.data(), 8);
      std::memcpy(joined.data() + 8, job.trailer.data(), job.trailer_size);
      clear = ByteView(joined).first(8u + job.trailer_size);
    }
    alignas(64) gcm_context_data context;
    function(&key_, &context, job.secret.data(), job.secret.data(), job.secret.size(), job.iv.data(),
             clear.data(), clear.size(), tag, 16);
  }

  alignas(64) gcm_key_data key_;  // the header says so only under a macro that nobody defines
  const aes_gcm_enc_dec_t seal_;
  const aes_gcm_enc_dec_t open_;
};

class MultiBufferEngine final : public CipherEngine {
 public:
  MultiBufferEngine() : manager_(alloc_mb_mgr(0)) {
    if (manager_ == nullptr) return;
    IMB_ARCH arch = IMB_ARCH_NONE;
    init_mb_mgr_auto(manager_, &arch);
    usable_ = imb_get_errno(manager_) == 0 && arch >= IMB_ARCH_AVX2 &&
              (manager_->features & IMB_FEATURE_AESNI) != 0;
  }
  ~MultiBufferEngine() override {
    if (manager_ != nullptr) free_mb_mgr(manager_);
  }

  bool usable() const { return usable_; }

  std::unique_ptr<CipherKey> make_key(SrtpProfile profile, const SrtpSessionKey& key) override {
    if (profile == SrtpProfile::aes128_cm_sha1_80) return evp_engine().make_key(profile, key);
    return std::make_unique<MultiBufferGcmKey>(*manager_, profile, key);
  }

 private:
  IMB_MGR* manager_;
  bool usable_ = false;
};

}  // namespace

CipherEngine* multi_buffer_engine() {
  static MultiBufferEngine engine;
  return engine.usable() ? &engine : nullptr;
}

}  // namespace roomgate::sfu::transport
