#include "sfu/rtp/rtcp.hpp"

namespace roomgate::sfu::rtp {
namespace {

constexpr std::size_t kBlockSize = 24;
constexpr std::size_t kSenderInfo = 20;

void put_head(ByteWriter& out, std::uint8_t count, RtcpType type, std::size_t body_bytes) {
  out.u8(static_cast<std::uint8_t>(0x80 | (count & 0x1f)));
  out.u8(type);
  out.u16(static_cast<std::uint16_t>(body_bytes / 4));
}

void put_blocks(ByteWriter& out, std::span<const ReportBlock> blocks) {
  for (const ReportBlock& block : blocks) {
    out.u32(block.ssrc);
    out.u8(block.fraction_lost);
    out.u24(static_cast<std::uint32_t>(block.cumulative_lost) & 0xffffff);
    out.u32(block.highest_sequence);
    out.u32(block.jitter);
    out.u32(block.last_sender_report);
    out.u32(block.delay_since_sender_report);
  }
}

// Checked before the first byte: a builder that does not fit writes nothing at all.
bool has_room(const ByteWriter& out, std::size_t bytes) { return !out.failed() && bytes <= out.left(); }

}  // namespace

std::optional<RtcpPacketView> RtcpReader::next() {
  if (failed_ || left_.empty()) return std::nullopt;
  if (left_.size() < 4 || left_[0] >> 6 != 2) {
    failed_ = true;
    return std::nullopt;
  }
  const std::size_t size = 4 + std::size_t{4} * load16(&left_[2]);
  if (size > left_.size()) {
    failed_ = true;
    return std::nullopt;
  }
  ByteView body = left_.subspan(4, size - 4);
  if ((left_[0] & 0x20) != 0) {
    // RFC 3550 6.4.1: the last byte counts the padding, itself included. It should be a multiple of four, but
    // browsers pad their transport feedback by one to three.
    const std::size_t padding = body.empty() ? 0 : body.back();
    if (padding == 0 || padding > body.size()) {
      failed_ = true;
      return std::nullopt;
    }
    body = body.first(body.size() - padding);
  }
  const RtcpPacketView packet{left_[1], static_cast<std::uint8_t>(left_[0] & 0x1f), body};
  left_ = left_.subspan(size);
  return packet;
}

std::optional<SenderReport> read_sender_report(const RtcpPacketView& packet) {
  if (!packet.is(kSenderReport)) return std::nullopt;
  ByteReader in(packet.body);
  SenderReport report;
  report.ssrc = in.u32();
  report.ntp = in.u64();
  report.rtp_timestamp = in.u32();
  report.packets = in.u32();
  report.octets = in.u32();
  if (in.failed()) return std::nullopt;
  return report;
}

std::optional<std::uint32_t> read_report_sender(const RtcpPacketView& packet) {
  if ((!packet.is(kSenderReport) && !packet.is(kReceiverReport)) || packet.body.size() < 4)
    return std::nullopt;
  return load32(packet.body.data());
}

std::optional<ReportBlocks> read_report_blocks(const RtcpPacketView& packet) {
  if (!packet.is(kSenderReport) && !packet.is(kReceiverReport)) return std::nullopt;
  ByteReader in(packet.body);
  in.skip(packet.is(kSenderReport) ? 4 + kSenderInfo : 4);
  if (in.failed() || in.left() < kBlockSize * packet.count) return std::nullopt;
  ReportBlocks blocks;
  for (; blocks.count < packet.count; ++blocks.count) {
    ReportBlock& block = blocks.blocks[blocks.count];
    block.ssrc = in.u32();
    block.fraction_lost = in.u8();
    // Sign extension of 24 bits.
    block.cumulative_lost = static_cast<std::int32_t>(in.u24() << 8) >> 8;
    block.highest_sequence = in.u32();
    block.jitter = in.u32();
    block.last_sender_report = in.u32();
    block.delay_since_sender_report = in.u32();
  }
  return blocks;
}

std::optional<Feedback> read_feedback(const RtcpPacketView& packet) {
  if ((!packet.is(kTransportFeedback) && !packet.is(kPayloadFeedback)) || packet.body.size() < 8) {
    return std::nullopt;
  }
  return Feedback{load32(&packet.body[0]), load32(&packet.body[4]), packet.body.subspan(8)};
}

std::optional<Remb> read_remb(const RtcpPacketView& packet) {
  if (!packet.is(kApplicationLayer)) return std::nullopt;
  const auto feedback = read_feedback(packet);
  if (!feedback) return std::nullopt;
  ByteReader in(feedback->control);
  const std::uint32_t name = in.u32();
  const std::uint8_t count = in.u8();
  const std::uint32_t rate = in.u24();
  const ByteView ssrcs = in.bytes(std::size_t{4} * count);
  if (in.failed() || name != 0x52454d42) return std::nullopt;  // "REMB"
  const std::uint32_t exponent = rate >> 18;
  const std::uint64_t mantissa = rate & 0x3ffff;
  // Exponents up to 63 are possible on the wire; what does not fit 64 bits is a lie, not a bit rate.
  if (exponent > 46) return std::nullopt;
  return Remb{feedback->sender_ssrc, mantissa << exponent, ssrcs};
}

std::optional<Cname> read_cname(const RtcpPacketView& packet) {
  if (!packet.is(kSourceDescription) || packet.count == 0) return std::nullopt;
  ByteReader in(packet.body);
  const std::uint32_t ssrc = in.u32();
  while (!in.failed()) {
    const std::uint8_t type = in.u8();
    if (type == 0) return std::nullopt;
    const std::uint8_t length = in.u8();
    const ByteView text = in.bytes(length);
    if (!in.failed() && type == 1) return Cname{ssrc, as_text(text)};
  }
  return std::nullopt;
}

bool write_sender_report(ByteWriter& out, const SenderReport& report, std::span<const ReportBlock> blocks) {
  const std::size_t body = 4 + kSenderInfo + kBlockSize * blocks.size();
  if (blocks.size() > kMaxReportBlocks || !has_room(out, 4 + body)) return false;
  put_head(out, static_cast<std::uint8_t>(blocks.size()), kSenderReport, body);
  out.u32(report.ssrc);
  out.u64(report.ntp);
  out.u32(report.rtp_timestamp);
  out.u32(report.packets);
  out.u32(report.octets);
  put_blocks(out, blocks);
  return true;
}

bool write_receiver_report(ByteWriter& out, std::uint32_t sender_ssrc, std::span<const ReportBlock> blocks) {
  const std::size_t body = 4 + kBlockSize * blocks.size();
  if (blocks.size() > kMaxReportBlocks || !has_room(out, 4 + body)) return false;
  put_head(out, static_cast<std::uint8_t>(blocks.size()), kReceiverReport, body);
  out.u32(sender_ssrc);
  put_blocks(out, blocks);
  return true;
}

bool write_cname(ByteWriter& out, std::uint32_t ssrc, std::string_view name) {
  if (name.size() > 255) return false;
  // The item list ends with at least one zero, up to the next multiple of four (RFC 3550 6.5).
  const std::size_t body = (4 + 2 + name.size() + 1 + 3) / 4 * 4;
  if (!has_room(out, 4 + body)) return false;
  put_head(out, 1, kSourceDescription, body);
  out.u32(ssrc);
  out.u8(1);
  out.u8(static_cast<std::uint8_t>(name.size()));
  out.bytes(as_bytes(name));
  out.zeros(body - 4 - 2 - name.size());
  return true;
}

bool write_bye(ByteWriter& out, std::uint32_t ssrc) {
  if (!has_room(out, 8)) return false;
  put_head(out, 1, kBye, 4);
  out.u32(ssrc);
  return true;
}

bool write_nack(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                std::span<const std::uint16_t> sequences) {
  // Two passes with the same grouping: the first counts entries for the length field.
  const auto group_end = [&](std::size_t first) {
    std::size_t end = first + 1;
    while (end < sequences.size() && static_cast<std::uint16_t>(sequences[end] - sequences[first]) <= 16) {
      ++end;
    }
    return end;
  };
  std::size_t entries = 0;
  for (std::size_t i = 0; i < sequences.size(); i = group_end(i)) ++entries;
  const std::size_t body = 8 + 4 * entries;
  if (entries == 0 || body > 0xffff || !has_room(out, 4 + body)) return false;
  put_head(out, kGenericNack, kTransportFeedback, body);
  out.u32(sender_ssrc);
  out.u32(media_ssrc);
  for (std::size_t first = 0; first < sequences.size();) {
    const std::size_t end = group_end(first);
    std::uint16_t mask = 0;
    for (std::size_t i = first + 1; i < end; ++i) {
      const auto distance = static_cast<std::uint16_t>(sequences[i] - sequences[first]);
      if (distance > 0) mask = static_cast<std::uint16_t>(mask | (1u << (distance - 1)));
    }
    out.u16(sequences[first]);
    out.u16(mask);
    first = end;
  }
  return true;
}

bool write_picture_loss(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc) {
  if (!has_room(out, 12)) return false;
  put_head(out, kPictureLoss, kPayloadFeedback, 8);
  out.u32(sender_ssrc);
  out.u32(media_ssrc);
  return true;
}

bool write_full_intra_request(ByteWriter& out, std::uint32_t sender_ssrc, std::uint32_t media_ssrc,
                              std::uint8_t command_sequence) {
  if (!has_room(out, 20)) return false;
  put_head(out, kFullIntraRequest, kPayloadFeedback, 16);
  out.u32(sender_ssrc);
  out.u32(0);  // RFC 5104 4.3.1.2: the media SSRC of the head is unused, each entry names its own
  out.u32(media_ssrc);
  out.u8(command_sequence);
  out.u24(0);
  return true;
}

bool write_remb(ByteWriter& out, std::uint32_t sender_ssrc, std::uint64_t bitrate,
                std::span<const std::uint32_t> ssrcs) {
  const std::size_t body = 16 + 4 * ssrcs.size();
  if (ssrcs.size() > 255 || !has_room(out, 4 + body)) return false;
  std::uint32_t exponent = 0;
  std::uint64_t mantissa = bitrate;
  while (mantissa > 0x3ffff) {
    mantissa >>= 1;
    ++exponent;
  }
  put_head(out, kApplicationLayer, kPayloadFeedback, body);
  out.u32(sender_ssrc);
  out.u32(0);
  out.u32(0x52454d42);  // "REMB"
  out.u8(static_cast<std::uint8_t>(ssrcs.size()));
  out.u24((exponent << 18) | static_cast<std::uint32_t>(mantissa));
  for (const std::uint32_t ssrc : ssrcs) out.u32(ssrc);
  return true;
}

}  // namespace roomgate::sfu::rtp
