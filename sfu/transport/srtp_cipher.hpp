// The ciphers under SRTP, behind one interface that takes batches: jobs of many sessions, so of many keys, in
// one call (a fan-out is exactly that). EVP everywhere; an engine for a multi-buffer library fits in beside
// it. A key belongs to one session, on its thread; an engine is shared by the sessions of a thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hpp"
#include "sfu/transport/srtp_keys.hpp"

namespace roomgate::sfu::transport {

// Session keys of one direction and one of RTP and RTCP (RFC 3711 4.3, RFC 7714 11). `auth` is empty for GCM.
struct SrtpSessionKey {
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 14> salt{};
  std::array<std::uint8_t, 20> auth{};

  SrtpSessionKey() = default;
  SrtpSessionKey(const SrtpSessionKey&) = default;
  SrtpSessionKey& operator=(const SrtpSessionKey&) = default;
  ~SrtpSessionKey();
};

// `rtcp` chooses the labels 3 to 5 in place of 0 to 2.
SrtpSessionKey derive_session_key(SrtpProfile profile, const SrtpMasterKey& master, bool rtcp);
// One output of the key derivation function (RFC 3711 4.3.3; RFC 6188 for 256 bit), key derivation rate 0.
void derive_key(ByteView master_key, ByteView master_salt, std::uint8_t label, ByteSpan out);

constexpr std::size_t tag_size(SrtpProfile profile) {
  return profile == SrtpProfile::aes128_cm_sha1_80 ? 10 : 16;
}

// The counter block or nonce of a packet: 16 bytes for CM, 12 for GCM. `index` is the 48-bit RTP index or the
// 31-bit RTCP index.
std::array<std::uint8_t, 16> cipher_iv(SrtpProfile profile, ByteView salt, std::uint32_t ssrc,
                                       std::uint64_t index);

class CipherKey;

struct CipherJob {
  CipherKey* key = nullptr;
  std::array<std::uint8_t, 16> iv{};
  ByteSpan clear;                         // authenticated only: the header
  ByteSpan secret;                        // authenticated and encrypted, in place; follows `clear` in memory
  std::array<std::uint8_t, 4> trailer{};  // authenticated after `secret` (CM) or after `clear` (GCM)
  std::uint8_t trailer_size = 0;          // 0 or 4
  std::uint8_t* tag = nullptr;            // written by seal, compared by open
  bool authentic = false;                 // set by open
};

class CipherKey {
 public:
  virtual ~CipherKey() = default;
  virtual void seal(CipherJob& job) = 0;
  // False: not authentic; `secret` is then worthless.
  virtual bool open(CipherJob& job) = 0;
};

class CipherEngine {
 public:
  virtual ~CipherEngine() = default;
  virtual std::unique_ptr<CipherKey> make_key(SrtpProfile profile, const SrtpSessionKey& key) = 0;
  // Jobs in any mix of keys made by this engine. The plain loop is right for engines without lanes.
  virtual void seal(std::span<CipherJob> jobs);
  virtual void open(std::span<CipherJob> jobs);
};

// Engines hold no state that outlives a call, or one for each thread: one of each for the process, any
// thread.
CipherEngine& evp_engine();  // OpenSSL's EVP, always there
CipherEngine*
multi_buffer_engine();  // Intel's multi-buffer library; nullptr without it or without the processor for it
CipherEngine& best_engine();

}  // namespace roomgate::sfu::transport
