#include "sfu/transport/srtp.hpp"

#include <algorithm>
#include <cassert>

#include "base/random.hpp"

namespace roomgate::sfu::transport {
namespace {

constexpr std::size_t kRtpHeader = 12;
constexpr std::size_t kRtcpHeader = 8;  // what SRTCP leaves in the clear: up to and with the sender's SSRC
constexpr std::size_t kRtcpIndex = 4;
constexpr std::uint32_t kEncrypted = 0x80000000;
constexpr std::size_t kBatch = 32;  // jobs prepared on the stack at a time

std::array<std::uint8_t, 4> four_bytes(std::uint32_t value) {
  std::array<std::uint8_t, 4> out;
  store32(out.data(), value);
  return out;
}

// Where the payload begins: fixed header, CSRCs, and a header extension of either form (RFC 3550 5.3.1).
Result<std::size_t, SrtpError> payload_offset(ByteView packet) {
  if (packet.size() < kRtpHeader) return fail(SrtpError::too_short);
  if ((packet[0] >> 6) != 2) return fail(SrtpError::bad_header);
  std::size_t offset = kRtpHeader + std::size_t{4} * (packet[0] & 0x0f);
  if ((packet[0] & 0x10) != 0) {
    if (packet.size() < offset + 4) return fail(SrtpError::bad_header);
    offset += 4 + std::size_t{4} * load16(&packet[offset + 2]);
  }
  if (offset > packet.size()) return fail(SrtpError::bad_header);
  return offset;
}

// The part of a job that sealing and opening have in common. `packet` is header and payload, without the tag.
CipherJob rtp_job(SrtpProfile profile, CipherKey* key, ByteView salt, ByteSpan packet, std::size_t offset,
                  std::uint8_t* tag, std::uint32_t ssrc, std::uint64_t index) {
  CipherJob job;
  job.key = key;
  job.iv = cipher_iv(profile, salt, ssrc, index);
  job.clear = packet.first(offset);
  job.secret = packet.subspan(offset);
  job.tag = tag;
  if (profile == SrtpProfile::aes128_cm_sha1_80) {
    // RFC 3711 4.2: the rollover counter is authenticated behind the packet, and not sent.
    job.trailer = four_bytes(static_cast<std::uint32_t>(index >> 16));
    job.trailer_size = 4;
  }
  return job;
}

CipherJob rtcp_job(SrtpProfile profile, CipherKey* key, ByteView salt, ByteSpan packet, std::uint8_t* tag,
                   std::uint32_t ssrc, std::uint32_t index) {
  CipherJob job;
  job.key = key;
  job.iv = cipher_iv(profile, salt, ssrc, index);
  job.clear = packet.first(kRtcpHeader);
  job.secret = packet.subspan(kRtcpHeader);
  job.tag = tag;
  job.trailer = four_bytes(index | kEncrypted);
  job.trailer_size = 4;
  return job;
}

}  // namespace

SsrcTable::SsrcTable(std::size_t max_streams)
    : slots_(kFirstSlots), max_streams_(max_streams), multiplier_(random_u64() | 1) {}

std::size_t SsrcTable::start_of(std::uint32_t ssrc) const {
  return static_cast<std::size_t>((ssrc * multiplier_) >> 32) & (slots_.size() - 1);
}

ReplayWindow* SsrcTable::find(std::uint32_t ssrc) {
  for (std::size_t at = start_of(ssrc); slots_[at].used; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].ssrc == ssrc) return &slots_[at].window;
  }
  return nullptr;
}

ReplayWindow* SsrcTable::insert(std::uint32_t ssrc) {
  if (used_ >= max_streams_) return nullptr;
  if (used_ * 2 >= slots_.size()) grow();
  std::size_t at = start_of(ssrc);
  while (slots_[at].used) at = (at + 1) & (slots_.size() - 1);
  slots_[at].ssrc = ssrc;
  slots_[at].used = true;
  ++used_;
  return &slots_[at].window;
}

void SsrcTable::grow() {
  std::vector<Slot> before(slots_.size() * 2);
  before.swap(slots_);
  for (const Slot& slot : before) {
    if (!slot.used) continue;
    std::size_t at = start_of(slot.ssrc);
    while (slots_[at].used) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

SrtpSession::SrtpSession(SrtpProfile profile, const SrtpMasterKey& master, SrtpDirection direction,
                         const SrtpLimits& limits, CipherEngine& engine)
    : SrtpSession(profile, derive_session_key(profile, master, false),
                  derive_session_key(profile, master, true), direction, limits, engine) {}

SrtpSession::SrtpSession(SrtpProfile profile, const SrtpSessionKey& rtp, const SrtpSessionKey& rtcp,
                         SrtpDirection direction, const SrtpLimits& limits, CipherEngine& engine)
    : profile_(profile),
      direction_(direction),
      engine_(engine),
      rtp_salt_(rtp.salt),
      rtcp_salt_(rtcp.salt),
      rtp_key_(engine.make_key(profile, rtp)),
      rtcp_key_(engine.make_key(profile, rtcp)),
      rtp_streams_(limits.max_streams),
      rtcp_streams_(limits.max_streams) {}

Result<CipherJob, SrtpError> SrtpSession::begin_protect_rtp(ByteSpan buffer, std::size_t size) {
  assert(direction_ == SrtpDirection::protect);
  if (size > buffer.size() || buffer.size() - size < tag_size(profile_)) return fail(SrtpError::no_room);
  const auto offset = payload_offset(buffer.first(size));
  if (!offset) return fail(offset.error());
  const std::uint16_t sequence = load16(&buffer[2]);
  const std::uint32_t ssrc = load32(&buffer[8]);
  ReplayWindow* window = rtp_streams_.find(ssrc);
  if (window == nullptr) window = rtp_streams_.insert(ssrc);
  if (window == nullptr) return fail(SrtpError::table_full);
  const auto index = rtp_index_of(*window, sequence);
  if (!index) return fail(index.error());
  // shard.md 10: never two packets under one key, SSRC and index.
  if (const auto fresh = window->check(*index); !fresh) return fail(fresh.error());
  window->commit(*index);
  return rtp_job(profile_, rtp_key_.get(), rtp_salt_, buffer.first(size), *offset, &buffer[size], ssrc,
                 *index);
}

Result<CipherJob, SrtpError> SrtpSession::prepare_open(ByteSpan packet, Opening& opening) {
  assert(direction_ == SrtpDirection::unprotect);
  const std::size_t tag = tag_size(profile_);
  if (packet.size() < kRtpHeader + tag) return fail(SrtpError::too_short);
  const ByteSpan inner = packet.first(packet.size() - tag);
  const auto offset = payload_offset(inner);
  if (!offset) return fail(offset.error());
  opening.ssrc = load32(&packet[8]);
  const ReplayWindow* window = rtp_streams_.find(opening.ssrc);
  if (window == nullptr && rtp_streams_.full()) return fail(SrtpError::table_full);
  const ReplayWindow fresh;
  const auto index = rtp_index_of(window != nullptr ? *window : fresh, load16(&packet[2]));
  if (!index) return fail(index.error());
  if (window != nullptr) {
    if (const auto checked = window->check(*index); !checked) return fail(checked.error());
  }
  opening.index = *index;
  return rtp_job(profile_, rtp_key_.get(), rtp_salt_, inner, *offset, &packet[inner.size()], opening.ssrc,
                 *index);
}

Result<void, SrtpError> SrtpSession::commit_open(SsrcTable& streams, const Opening& opening) {
  ReplayWindow* window = streams.find(opening.ssrc);
  if (window == nullptr) window = streams.insert(opening.ssrc);
  if (window == nullptr) return fail(SrtpError::table_full);
  // Once more: a batch may hold the same packet twice.
  if (const auto fresh = window->check(opening.index); !fresh) return fresh;
  window->commit(opening.index);
  return {};
}

Result<std::size_t, SrtpError> SrtpSession::protect_rtp(ByteSpan buffer, std::size_t size) {
  auto job = begin_protect_rtp(buffer, size);
  if (!job) return fail(job.error());
  engine_.seal({&*job, 1});
  return size + tag_size(profile_);
}

Result<std::size_t, SrtpError> SrtpSession::unprotect_rtp(ByteSpan packet) {
  Opening opening;
  auto job = prepare_open(packet, opening);
  if (!job) return fail(job.error());
  engine_.open({&*job, 1});
  if (!job->authentic) return fail(SrtpError::authentication_failed);
  if (const auto done = commit_open(rtp_streams_, opening); !done) return fail(done.error());
  return packet.size() - tag_size(profile_);
}

Result<std::size_t, SrtpError> SrtpSession::protect_rtcp(ByteSpan buffer, std::size_t size) {
  assert(direction_ == SrtpDirection::protect);
  const std::size_t tag = tag_size(profile_);
  if (size < kRtcpHeader) return fail(SrtpError::too_short);
  if (size > buffer.size() || buffer.size() - size < tag + kRtcpIndex) return fail(SrtpError::no_room);
  if ((buffer[0] >> 6) != 2) return fail(SrtpError::bad_header);
  const std::uint32_t ssrc = load32(&buffer[4]);
  ReplayWindow* window = rtcp_streams_.find(ssrc);
  if (window == nullptr) window = rtcp_streams_.insert(ssrc);
  if (window == nullptr) return fail(SrtpError::table_full);
  const std::uint64_t index = window->empty() ? 0 : window->highest() + 1;
  if (index > kMaxRtcpIndex) return fail(SrtpError::index_exhausted);
  window->commit(index);
  const bool counter_mode = profile_ == SrtpProfile::aes128_cm_sha1_80;
  // RFC 3711 3.4: index, then tag. RFC 7714 9.2: tag, then index.
  std::uint8_t* const index_at = &buffer[counter_mode ? size : size + tag];
  std::uint8_t* const tag_at = &buffer[counter_mode ? size + kRtcpIndex : size];
  CipherJob job = rtcp_job(profile_, rtcp_key_.get(), rtcp_salt_, buffer.first(size), tag_at, ssrc,
                           static_cast<std::uint32_t>(index));
  engine_.seal({&job, 1});
  store32(index_at, static_cast<std::uint32_t>(index) | kEncrypted);
  return size + tag + kRtcpIndex;
}

Result<std::size_t, SrtpError> SrtpSession::unprotect_rtcp(ByteSpan packet) {
  assert(direction_ == SrtpDirection::unprotect);
  const std::size_t tag = tag_size(profile_);
  if (packet.size() < kRtcpHeader + kRtcpIndex + tag) return fail(SrtpError::too_short);
  const std::size_t size = packet.size() - tag - kRtcpIndex;
  const bool counter_mode = profile_ == SrtpProfile::aes128_cm_sha1_80;
  const std::uint32_t word = load32(&packet[counter_mode ? size : size + tag]);
  // WebRTC always encrypts RTCP (RFC 8827 6.5): a packet without the E flag has no business here.
  if ((packet[0] >> 6) != 2 || (word & kEncrypted) == 0) return fail(SrtpError::bad_header);
  const Opening opening{load32(&packet[4]), word & ~kEncrypted};
  const ReplayWindow* window = rtcp_streams_.find(opening.ssrc);
  if (window == nullptr && rtcp_streams_.full()) return fail(SrtpError::table_full);
  if (window != nullptr) {
    if (const auto fresh = window->check(opening.index); !fresh) return fail(fresh.error());
  }
  CipherJob job =
      rtcp_job(profile_, rtcp_key_.get(), rtcp_salt_, packet.first(size),
               &packet[counter_mode ? size + kRtcpIndex : size], opening.ssrc, word & ~kEncrypted);
  engine_.open({&job, 1});
  if (!job.authentic) return fail(SrtpError::authentication_failed);
  if (const auto done = commit_open(rtcp_streams_, opening); !done) return fail(done.error());
  return size;
}

void SrtpSession::protect_rtp(std::span<SrtpPacket> packets) {
  std::array<CipherJob, kBatch> jobs;
  while (!packets.empty()) {
    const std::span<SrtpPacket> chunk = packets.first(std::min(packets.size(), kBatch));
    std::size_t count = 0;
    for (SrtpPacket& packet : chunk) {
      auto job = packet.session->begin_protect_rtp(packet.buffer, packet.size);
      packet.error = job ? std::nullopt : std::optional(job.error());
      if (!job) continue;
      packet.size += tag_size(packet.session->profile_);
      jobs[count++] = *job;
    }
    if (count > 0) chunk.front().session->engine_.seal(std::span(jobs).first(count));
    packets = packets.subspan(chunk.size());
  }
}

void SrtpSession::unprotect_rtp(std::span<SrtpPacket> packets) {
  std::array<CipherJob, kBatch> jobs;
  std::array<Opening, kBatch> openings;
  std::array<SrtpPacket*, kBatch> owners;
  std::size_t count = 0;
  const auto flush = [&] {
    if (count == 0) return;
    owners[0]->session->engine_.open(std::span(jobs).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      SrtpPacket& packet = *owners[i];
      if (!jobs[i].authentic) {
        packet.error = SrtpError::authentication_failed;
      } else if (const auto done = packet.session->commit_open(packet.session->rtp_streams_, openings[i]);
                 !done) {
        packet.error = done.error();
      } else {
        packet.size -= tag_size(packet.session->profile_);
      }
    }
    count = 0;
  };
  for (SrtpPacket& packet : packets) {
    packet.error.reset();
    if (packet.size > packet.buffer.size()) {
      packet.error = SrtpError::no_room;
      continue;
    }
    const ByteSpan bytes = packet.buffer.first(packet.size);
    // The index of a packet is guessed from those before it. For a stream under way the guess holds over a
    // batch; the first packets of a new one must be settled one by one.
    const bool first_of_stream =
        bytes.size() >= kRtpHeader && packet.session->rtp_streams_.find(load32(&bytes[8])) == nullptr;
    if (first_of_stream) flush();
    const auto job = packet.session->prepare_open(bytes, openings[count]);
    if (!job) {
      packet.error = job.error();
      continue;
    }
    jobs[count] = *job;
    owners[count] = &packet;
    ++count;
    if (first_of_stream || count == kBatch) flush();
  }
  flush();
}

}  // namespace roomgate::sfu::transport
