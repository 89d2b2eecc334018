#include "sfu/receive/rtx_unwrap.hpp"

#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/payload_types.hpp"

namespace roomgate::sfu::receive {

Unwrapped unwrap_rtx(rtp::PacketBuffer& packet, std::uint32_t media_ssrc) {
  const auto view = rtp::RtpPacketView::parse(packet.bytes());
  if (!view) return Unwrapped::malformed;
  const std::uint8_t original_type = rtp::payload_type(view->payload_type()).original;
  if (original_type == 0) return Unwrapped::malformed;
  // Probes on the RTX stream are padding alone.
  if (view->payload().empty()) return Unwrapped::padding;
  if (view->payload().size() < 2) return Unwrapped::malformed;

  const std::uint16_t original_sequence = load16(view->payload().data());
  const std::size_t header = view->header_size();
  std::uint8_t* begin = packet.bytes().data();
  std::memmove(begin + 2, begin, header);
  packet.shrink_front(2);
  rtp::set_ssrc(packet.bytes(), media_ssrc);
  rtp::set_sequence(packet.bytes(), original_sequence);
  rtp::set_payload_type(packet.bytes(), original_type);
  return Unwrapped::media;
}

}  // namespace roomgate::sfu::receive
