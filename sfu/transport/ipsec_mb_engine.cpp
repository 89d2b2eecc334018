// SRTP's ciphers through Intel's multi-buffer library, several times faster than EVP where the processor has
// wide AES (VAES). GCM is a one-shot call per job. Counter mode with HMAC-SHA1 gains only from many jobs at
// once, since SHA-1 of one packet is a chain: sixteen packets are hashed side by side, one in each lane of
// the vector registers, and a fan-out is exactly that. Lone jobs stay with EVP. Built where the library is
// found.
#include <intel-ipsec-mb.h>
#include <openssl/crypto.h>

#include <cstddef>

#include "sfu/transport/srtp_cipher.hpp"

namespace roomgate::sfu::transport {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kFewJobs = 4;    // below it lanes that run empty cost more than they save
constexpr std::size_t kMostJobs = 32;  // in the lanes at a time: the library's own queue is longer
constexpr std::size_t kSha1Block = 64;
constexpr std::size_t kSha1State = 20;
constexpr std::size_t kLibraryTag = 12;  // the shortest HMAC-SHA1 tag that it writes

// What all keys of this engine are, so that a batch can look ahead.
class MultiBufferKey : public CipherKey {
 public:
  // Asks the processor for what seal() will read: with hundreds of receivers a key is never in the first
  // cache.
  virtual void prefetch() const = 0;
  // Not nullptr: better sealed with others of its kind.
  virtual const class MultiBufferCounterKey* lane_key() const { return nullptr; }
};

class MultiBufferGcmKey final : public MultiBufferKey {
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

  void prefetch() const override {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&key_);
    for (std::size_t at = 0; at < sizeof key_; at += kLine) __builtin_prefetch(bytes + at);
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

class MultiBufferCounterKey final : public MultiBufferKey {
 public:
  MultiBufferCounterKey(IMB_MGR& manager, const SrtpSessionKey& key)
      : alone_(evp_engine().make_key(SrtpProfile::aes128_cm_sha1_80, key)) {
    alignas(16) std::array<std::uint8_t, 16 * 11> decrypting;  // counter mode never decrypts
    IMB_AES_KEYEXP_128(&manager, key.key.data(), rounds_.data(), decrypting.data());
    // RFC 2104: each pad is one block, hashed once for all messages.
    std::array<std::uint8_t, kSha1Block> block{};
    std::memcpy(block.data(), key.auth.data(), key.auth.size());
    for (std::uint8_t& b : block) b ^= 0x36;
    IMB_SHA1_ONE_BLOCK(&manager, block.data(), inner_.data());
    for (std::uint8_t& b : block) b ^= 0x36 ^ 0x5c;
    IMB_SHA1_ONE_BLOCK(&manager, block.data(), outer_.data());
    OPENSSL_cleanse(block.data(), block.size());
    OPENSSL_cleanse(decrypting.data(), decrypting.size());
  }
  ~MultiBufferCounterKey() override {
    OPENSSL_cleanse(rounds_.data(), rounds_.size());
    OPENSSL_cleanse(inner_.data(), inner_.size());
    OPENSSL_cleanse(outer_.data(), outer_.size());
  }

  void seal(CipherJob& job) override { alone_->seal(job); }
  bool open(CipherJob& job) override { return alone_->open(job); }
  void prefetch() const override {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&rounds_);
    for (std::size_t at = 0; at < sizeof rounds_ + sizeof inner_ + sizeof outer_; at += kLine)
      __builtin_prefetch(bytes + at);
  }
  const MultiBufferCounterKey* lane_key() const override { return this; }

  // The tag goes to `tag`, longer than SRTP's; what is hashed behind the packet stands where the tag belongs.
  void fill(IMB_JOB& out, const CipherJob& job, std::uint8_t* tag) const {
    std::memcpy(job.tag, job.trailer.data(), job.trailer_size);
    out.cipher_mode = IMB_CIPHER_CNTR;
    out.cipher_direction = IMB_DIR_ENCRYPT;
    out.hash_alg = IMB_AUTH_HMAC_SHA_1;
    out.chain_order = IMB_ORDER_CIPHER_HASH;
    out.enc_keys = rounds_.data();
    out.dec_keys = rounds_.data();
    out.key_len_in_bytes = 16;
    out.iv = job.iv.data();
    out.iv_len_in_bytes = job.iv.size();
    out.src = job.clear.data();
    out.dst = job.secret.data();
    out.cipher_start_src_offset_in_bytes = job.clear.size();
    out.msg_len_to_cipher_in_bytes = job.secret.size();
    out.hash_start_src_offset_in_bytes = 0;
    out.msg_len_to_hash_in_bytes = job.clear.size() + job.secret.size() + job.trailer_size;
    out.u.HMAC._hashed_auth_key_xor_ipad = inner_.data();
    out.u.HMAC._hashed_auth_key_xor_opad = outer_.data();
    out.auth_tag_output = tag;
    out.auth_tag_output_len_in_bytes = kLibraryTag;
  }

 private:
  alignas(kLine) std::array<std::uint8_t, 16 * 11> rounds_;
  std::array<std::uint8_t, kSha1State> inner_;
  std::array<std::uint8_t, kSha1State> outer_;
  const std::unique_ptr<CipherKey> alone_;
};

struct FreeManager {
  void operator()(IMB_MGR* manager) const { free_mb_mgr(manager); }
};
using Manager = std::unique_ptr<IMB_MGR, FreeManager>;

Manager make_manager() {
  Manager manager(alloc_mb_mgr(0));
  if (!manager) return nullptr;
  IMB_ARCH arch = IMB_ARCH_NONE;
  init_mb_mgr_auto(manager.get(), &arch);
  const bool usable = imb_get_errno(manager.get()) == 0 && arch >= IMB_ARCH_AVX2 &&
                      (manager->features & IMB_FEATURE_AESNI) != 0;
  return usable ? std::move(manager) : nullptr;
}

// Lanes hold jobs between calls of the library, so each thread that seals has its own. Empty before and
// after.
IMB_MGR* lanes_of_this_thread() {
  thread_local const Manager manager = make_manager();
  return manager.get();
}

// The library does nothing for a packet without payload, and hashes only what lies in one piece: RTCP's index
// is before its tag.
bool fits_lanes(const CipherJob& job) {
  return static_cast<const MultiBufferKey*>(job.key)->lane_key() != nullptr && !job.secret.empty() &&
         job.tag == job.secret.data() + job.secret.size();
}

// Those of fits_lanes(), at most kMostJobs.
void seal_in_lanes(std::span<CipherJob* const> jobs) {
  IMB_MGR* const lanes = jobs.size() < kFewJobs ? nullptr : lanes_of_this_thread();
  if (lanes == nullptr) {
    for (CipherJob* job : jobs) job->key->seal(*job);
    return;
  }
  std::array<std::array<std::uint8_t, kSha1State>, kMostJobs> tags;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    static_cast<const MultiBufferKey*>(jobs[i]->key)
        ->lane_key()
        ->fill(*IMB_GET_NEXT_JOB(lanes), *jobs[i], tags[i].data());
    IMB_SUBMIT_JOB_NOCHECK(lanes);  // what it returns is one that is done; tags tell nothing more
  }
  while (IMB_FLUSH_JOB(lanes) != nullptr) {
  }
  for (std::size_t i = 0; i < jobs.size(); ++i)
    std::memcpy(jobs[i]->tag, tags[i].data(), tag_size(SrtpProfile::aes128_cm_sha1_80));
}

class MultiBufferEngine final : public CipherEngine {
 public:
  MultiBufferEngine() : manager_(make_manager()) {}

  bool usable() const { return manager_ != nullptr; }

  std::unique_ptr<CipherKey> make_key(SrtpProfile profile, const SrtpSessionKey& key) override {
    if (profile == SrtpProfile::aes128_cm_sha1_80)
      return std::make_unique<MultiBufferCounterKey>(*manager_, key);
    return std::make_unique<MultiBufferGcmKey>(*manager_, profile, key);
  }

  void seal(std::span<CipherJob> jobs) override {
    std::array<CipherJob*, kMostJobs> in_lanes;
    std::size_t count = 0;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      if (i + 1 < jobs.size()) static_cast<const MultiBufferKey*>(jobs[i + 1].key)->prefetch();
      CipherJob& job = jobs[i];
      if (!fits_lanes(job)) {
        job.key->seal(job);
        continue;
      }
      in_lanes[count++] = &job;
      if (count < kMostJobs) continue;
      seal_in_lanes(in_lanes);
      count = 0;
    }
    if (count > 0) seal_in_lanes(std::span(in_lanes).first(count));
  }

 private:
  const Manager manager_;  // for its functions and keys; nothing is ever queued in it
};

}  // namespace

CipherEngine* multi_buffer_engine() {
  static MultiBufferEngine engine;
  return engine.usable() ? &engine : nullptr;
}

}  // namespace roomgate::sfu::transport
