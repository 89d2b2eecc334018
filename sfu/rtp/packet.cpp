#include "sfu/rtp/packet.hpp"

namespace roomgate::sfu::rtp {

bool is_rtcp(ByteView datagram) { return datagram.size() >= 2 && datagram[1] >= 192 && datagram[1] <= 223; }

Result<RtpPacketView, PacketError> RtpPacketView::parse_protected(ByteView packet) {
  if (packet.size() < kFixedHeader) return fail(PacketError::too_short);
  if (packet[0] >> 6 != 2) return fail(PacketError::wrong_version);
  if (is_rtcp(packet)) return fail(PacketError::is_rtcp);
  RtpPacketView view(packet);
  std::size_t at = kFixedHeader + 4 * view.csrc_count();
  if (at > packet.size()) return fail(PacketError::csrc_past_end);
  if (view.has_extension()) {
    if (packet.size() - at < 4) return fail(PacketError::extension_past_end);
    view.extension_profile_ = load16(&packet[at]);
    view.extension_size_ = std::size_t{4} * load16(&packet[at + 2]);
    view.extension_at_ = at + 4;
    if (view.extension_size_ > packet.size() - view.extension_at_)
      return fail(PacketError::extension_past_end);
    at = view.extension_at_ + view.extension_size_;
  }
  view.header_size_ = at;
  return view;
}

Result<RtpPacketView, PacketError> RtpPacketView::parse(ByteView packet) {
  auto view = parse_protected(packet);
  if (!view || !view->has_padding()) return view;
  const std::size_t padding = packet.back();
  // RFC 3550 5.1: the count includes itself, so it is never zero.
  if (padding == 0 || padding > packet.size() - view->header_size_)
    return fail(PacketError::padding_past_end);
  view->padding_size_ = padding;
  return view;
}

void set_marker(ByteSpan packet, bool marker) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x7f) | (marker ? 0x80 : 0));
}
void set_payload_type(ByteSpan packet, std::uint8_t payload_type) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | (payload_type & 0x7f));
}
void set_sequence(ByteSpan packet, std::uint16_t sequence) { store16(&packet[2], sequence); }
void set_timestamp(ByteSpan packet, std::uint32_t timestamp) { store32(&packet[4], timestamp); }
void set_ssrc(ByteSpan packet, std::uint32_t ssrc) { store32(&packet[8], ssrc); }

}  // namespace roomgate::sfu::rtp
