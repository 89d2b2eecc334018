// RTCP (RFC 3550 6, RFC 4585, RFC 5104, REMB): a bounds-checked walk over compound or reduced-size packets,
// typed reading of what an SFU meets, and builders for what it says. Views borrow the datagram. Any thread.
// Transport-wide feedback (fmt 15) has its own file: transport_feedback.hpp.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.hpp"

namespace roomgate::sfu::rtp {

enum RtcpType : std::uint8_t {
  kSenderReport = 200,
  kReceiverReport = 201,
  kSourceDescription = 202,
  kBye = 203,
  kApplication = 204,
  kTransportFeedback = 205,  // RTPFB
  kPayloadFeedback = 206,    // PSFB
  kExtendedReport = 207,
};
enum TransportFeedbackFormat : std::uint8_t { kGenericNack = 1, kTransportCc = 15 };
enum PayloadFeedbackFormat : std::uint8_t { kPictureLoss = 1, kFullIntraRequest = 4, kApplicationLayer = 15 };

inline constexpr std::size_t kMaxReportBlocks = 31;  // the count has five bits

// One packet of a compound. `body` is what follows the 4-byte header, without padding.
struct RtcpPacketView {
  std::uint8_t type = 0;
  std::uint8_t count = 0;  // report count, or feedback format
  ByteView body;

  bool is(RtcpType t) const { return type == t; }
  bool is(TransportFeedbackFormat f) const { return type == kTransportFeedback && count == f; }
  bool is(PayloadFeedbackFormat f) const { return type == kPayloadFeedback && count == f; }
};

class RtcpReader {
 public:
  explicit RtcpReader(ByteView datagram) : left_(datagram) {}
  // Each call moves on by at least 4 bytes; empty at the end and at the first malformed packet (failed()
  // tells).
  std::optional<RtcpPacketView> next();
  bool failed() const { return failed_; }

 private:
  ByteView left_;
  bool failed_ = false;
};

struct ReportBlock {
  std::uint32_t ssrc = 0;
  std::uint8_t fraction_lost = 0;
  std::int32_t cumulative_lost = 0;  // 24 bits, signed
  std::uint32_t highest_sequence = 0;
  std::uint32_t jitter = 0;
  std::uint32_t last_sender_report = 0;         // LSR
  std::uint32_t delay_since_sender_report = 0;  // DLSR, 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;
};

struct SenderReport {
  std::uint32_t ssrc = 0;
  std::uint64_t ntp = 0;
  std::uint32_t rtp_timestamp = 0;
  std::uint32_t packets = 0;
  std::uint32_t octets = 0;
  friend bool operator==(const SenderReport&, const SenderReport&) = default;
};

// Report blocks of an SR or RR, copied out: at most 31, so bounded.
struct ReportBlocks {
  std::array<ReportBlock, kMaxReportBlocks> blocks;
  std::size_t count = 0;
  std::span<const ReportBlock> view() const { return std::span(blocks).first(count); }
};

// Empty when the packet is of another type or too short for what it says.
std::optional<SenderReport> read_sender_report(const RtcpPacketView& packet);
std::optional<std::uint32_t> read_report_sender(const RtcpPacketView& packet);  // SR or RR
std::optional<ReportBlocks> read_report_blocks(const RtcpPacketView& packet);   // SR or RR

// RTPFB and PSFB share this head (RFC 4585 6.1).
struct Feedback {
  std::uint32_t sender_ssrc = 0;
  std::uint32_t media_ssrc = 0;
  ByteView control;  // the FCI
};
std::optional<Feedback> read_feedback(const RtcpPacketView& packet);

// Calls `f(sequence)` for each number a generic NACK asks for, at most `limit` of them. Returns how many.
template <class F>
std::size_t for_each_nacked(const Feedback& nack, std::size_t limit, F&& f) {
  std::size_t called = 0;
  ByteReader in(nack.control);
  while (in.left() >= 4) {
    const std::uint16_t first = in.u16();
    const std::uint16_t mask = in.u16();
    if (called++ >= limit) return limit;
    f(first);
    for (unsigned bit = 0; bit < 16; ++bit) {
      if ((mask >> bit & 1) == 0) continue;
      if (called++ >= limit) return limit;
      f(static_cast<std::uint16_t>(first + 1 + bit));
    }
  }
  return called;
}

// FIR: the SSRCs a key frame is asked of. Calls `f(ssrc, command_sequence)`; bounded by the packet's length.
template <class F>
void for_each_fir(const Feedback& fir, F&& f) {
  ByteReader in(fir.control);
  while (in.left() >= 8) {
    const std::uint32_t ssrc = in.u32();
    const std::uint8_t sequence = in.u8();
    in.skip(3);
    f(ssrc, sequence);
  }
}

struct Remb {
  std::uint32_t sender_ssrc = 0;
  std::uint64_t bitrate = 0;
  ByteView ssrcs;  // 4 bytes each
};
std::optional<Remb> read_remb(const RtcpPacketView& packet);

struct Cname {
  std::uint32_t ssrc = 0;
  std::string_view name;
};
// The first chunk's CNAME.
std::optional<Cname> read_cname(const RtcpPacketView& packet);

// BYE: calls `f(ssrc)`; at most 31.
template <class F>
void for_each_bye(const RtcpPacketView& packet, F&& f) {
  if (!packet.is(kBye)) return;
  ByteReader in(packet.body);
  for (unsigned i = 0; i < packet.count && in.left() >= 4; ++i) f(in.u32());
}

// Builders append one packet to `out`; on false nothing usable was appended (no room, or more entries than
// fit).
bool write_sender_report(ByteWriter& out, const SenderReport& report, std::span<const ReportBlock> blocks);
bool write_receiver_report(ByteWriter& out, std::uint32_t sender_ssrc, std::span<const ReportBlock> blocks);
bool write_cname(ByteWriter& out, std::uint32_t ssrc, std::string_view name);
bool write_bye(ByteWriter& out, std::uint32_t ssrc);
// `sequences` ascending (in wrap-around order), which packs up to 17 into one entry.
bool write_nack(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                std::span<const std::uint16_t> sequences);
bool write_picture_loss(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc);
bool write_full_intra_request(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                              std::uint8_t command_sequence);
bool write_remb(ByteWriter& out, std::uint32_t sender_ssrc, std::uint64_t bitrate,
                std::span<const std::uint32_t> ssrcs);

}  // namespace roomgate::sfu::rtp
