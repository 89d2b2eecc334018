// SRTP and SRTCP of one direction under one master key (RFC 3711, RFC 7714; shard.md 10): protects or
// unprotects packets in place. Owned by the endpoint, on its worker's thread. No allocation per packet;
// nothing about an SSRC is kept before a packet of it was authentic.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "sfu/transport/srtp_cipher.hpp"
#include "sfu/transport/srtp_index.hpp"
#include "sfu/transport/srtp_keys.hpp"

namespace roomgate::sfu::transport {

struct SrtpLimits {
  std::size_t max_streams =
      4096;  // SSRCs, for RTP and for RTCP each; never forgotten, since re-use breaks GCM
};

enum class SrtpDirection { protect, unprotect };

class SrtpSession;

// One packet of a batch. The packet is the first `size` bytes of `buffer`; what is behind them is room for
// the tag. Afterwards `size` is the new size, or `error` says why not (the bytes are worthless then).
struct SrtpPacket {
  SrtpSession* session = nullptr;
  ByteSpan buffer;
  std::size_t size = 0;
  std::optional<SrtpError> error;
};

// SSRC -> replay window: open addressing, flat, power-of-two, only ever grows, to a bound.
class SsrcTable {
 public:
  static constexpr std::size_t kFirstSlots = 4;  // most clients have two streams, and four tables each

  explicit SsrcTable(std::size_t max_streams);

  ReplayWindow* find(std::uint32_t ssrc);
  // nullptr: full. Pointers from before are void.
  ReplayWindow* insert(std::uint32_t ssrc);
  std::size_t size() const { return used_; }
  bool full() const { return used_ >= max_streams_; }
  void prefetch() const {
    for (std::size_t i = 0; i < kFirstSlots; ++i) __builtin_prefetch(&slots_[i]);
  }

 private:
  struct Slot {
    std::uint32_t ssrc = 0;
    bool used = false;
    ReplayWindow window;
  };
  std::size_t start_of(std::uint32_t ssrc) const;
  void grow();

  std::vector<Slot> slots_;
  std::size_t used_ = 0;
  std::size_t max_streams_;
  std::uint64_t multiplier_;  // random and odd: nobody chooses SSRCs that collide
};

class SrtpSession {
 public:
  // Most that protect adds: a GCM tag and the RTCP index.
  static constexpr std::size_t kMaxOverhead = 20;

  SrtpSession(SrtpProfile profile, const SrtpMasterKey& master, SrtpDirection direction,
              const SrtpLimits& limits = {}, CipherEngine& engine = best_engine());
  // From session keys, as the RFCs' examples give them.
  SrtpSession(SrtpProfile profile, const SrtpSessionKey& rtp, const SrtpSessionKey& rtcp,
              SrtpDirection direction, const SrtpLimits& limits = {}, CipherEngine& engine = best_engine());

  // The new size. protect_*: the packet is the first `size` bytes of `buffer`, up to kMaxOverhead more must
  // be there.
  Result<std::size_t, SrtpError> protect_rtp(ByteSpan buffer, std::size_t size);
  // All of it but the cipher: who calls gathers jobs of many sessions and has their engine seal them
  // together, before any of these sessions ends. The new size is protected_size(size).
  Result<CipherJob, SrtpError> begin_protect_rtp(ByteSpan buffer, std::size_t size);
  // Asks the processor for what begin_protect_rtp() will read.
  void prefetch() const { rtp_streams_.prefetch(); }
  std::size_t protected_size(std::size_t size) const { return size + tag_size(profile_); }
  Result<std::size_t, SrtpError> protect_rtcp(ByteSpan buffer, std::size_t size);
  Result<std::size_t, SrtpError> unprotect_rtp(ByteSpan packet);
  Result<std::size_t, SrtpError> unprotect_rtcp(ByteSpan packet);

  // Batches over any number of sessions, in order. All sessions of a batch have the same engine.
  static void protect_rtp(std::span<SrtpPacket> packets);
  static void unprotect_rtp(std::span<SrtpPacket> packets);

  SrtpProfile profile() const { return profile_; }
  std::size_t rtp_streams() const { return rtp_streams_.size(); }

 private:
  struct Opening {
    std::uint32_t ssrc = 0;
    std::uint64_t index = 0;
  };
  Result<CipherJob, SrtpError> prepare_open(ByteSpan packet, Opening& opening);
  Result<void, SrtpError> commit_open(SsrcTable& streams, const Opening& opening);

  const SrtpProfile profile_;
  const SrtpDirection direction_;
  CipherEngine& engine_;
  const std::array<std::uint8_t, 14> rtp_salt_;
  const std::array<std::uint8_t, 14> rtcp_salt_;
  std::unique_ptr<CipherKey> rtp_key_;
  std::unique_ptr<CipherKey> rtcp_key_;
  SsrcTable rtp_streams_;
  SsrcTable rtcp_streams_;
};

}  // namespace roomgate::sfu::transport
