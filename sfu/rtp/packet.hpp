// RTP packets as views (RFC 3550 5.1): parse checks every length once, getters then read without checks,
// setters edit the fixed header in place. A view borrows the packet's bytes and dies with them. Any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/result.hpp"

namespace roomgate::sfu::rtp {

inline constexpr std::size_t kFixedHeader = 12;

enum class PacketError {
  too_short,
  wrong_version,
  is_rtcp,
  csrc_past_end,
  extension_past_end,
  padding_past_end,
};

// RFC 5761 4: with rtcp-mux, second bytes 192 to 223 are RTCP packet types.
bool is_rtcp(ByteView datagram);

class RtpPacketView {
 public:
  // A packet in clear.
  static Result<RtpPacketView, PacketError> parse(ByteView packet);
  // A packet still under SRTP: the padding count is encrypted, so padding_size() is 0 and payload() runs to
  // the end.
  static Result<RtpPacketView, PacketError> parse_protected(ByteView packet);

  bool marker() const { return (bytes_[1] & 0x80) != 0; }
  std::uint8_t payload_type() const { return bytes_[1] & 0x7f; }
  std::uint16_t sequence() const { return load16(&bytes_[2]); }
  std::uint32_t timestamp() const { return load32(&bytes_[4]); }
  std::uint32_t ssrc() const { return load32(&bytes_[8]); }
  std::size_t csrc_count() const { return bytes_[0] & 0x0f; }
  // Precondition: index < csrc_count().
  std::uint32_t csrc(std::size_t index) const { return load32(&bytes_[kFixedHeader + 4 * index]); }

  bool has_extension() const { return (bytes_[0] & 0x10) != 0; }
  // 0xBEDE: one-byte elements; 0x1000 to 0x100f: two-byte elements (RFC 8285); else unknown. 0 without
  // extension.
  std::uint16_t extension_profile() const { return extension_profile_; }
  ByteView extension_body() const { return bytes_.subspan(extension_at_, extension_size_); }

  std::size_t header_size() const { return header_size_; }
  ByteView header() const { return bytes_.first(header_size_); }
  ByteView payload() const {
    return bytes_.subspan(header_size_, bytes_.size() - header_size_ - padding_size_);
  }
  // Payload and padding: what follows the header on the wire.
  ByteView body() const { return bytes_.subspan(header_size_); }
  bool has_padding() const { return (bytes_[0] & 0x20) != 0; }
  std::size_t padding_size() const { return padding_size_; }
  ByteView bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }

 private:
  explicit RtpPacketView(ByteView bytes) : bytes_(bytes) {}

  ByteView bytes_;
  std::uint16_t extension_profile_ = 0;
  std::size_t extension_at_ = 0;
  std::size_t extension_size_ = 0;
  std::size_t header_size_ = kFixedHeader;
  std::size_t padding_size_ = 0;
};

// Setters. Precondition: the packet has at least kFixedHeader bytes.
void set_marker(ByteSpan packet, bool marker);
void set_payload_type(ByteSpan packet, std::uint8_t payload_type);
void set_sequence(ByteSpan packet, std::uint16_t sequence);
void set_timestamp(ByteSpan packet, std::uint32_t timestamp);
void set_ssrc(ByteSpan packet, std::uint32_t ssrc);

}  // namespace roomgate::sfu::rtp
