#include "sfu/send/write_packet.hpp"

namespace roomgate::sfu::send {
namespace {

std::size_t append_body(const rtp::RtpPacketView& packet, const std::optional<Vp8Edit>& vp8, std::size_t at,
                        ByteSpan out) {
  const ByteView body = packet.body();
  if (at == 0 || body.size() > out.size() - at) return 0;
  if (!body.empty()) std::memcpy(out.data() + at, body.data(), body.size());
  if (vp8) rtp::rewrite_vp8(out.subspan(at, packet.payload().size()), vp8->descriptor, vp8->values);
  return at + body.size();
}

}  // namespace

std::size_t write_media(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                        const std::optional<Vp8Edit>& vp8, const rtp::ExtensionPolicy& policy, ByteSpan out) {
  return append_body(packet, vp8, rtp::write_header(packet, header, policy, out), out);
}

std::size_t write_rtx(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                      std::uint16_t original, const std::optional<Vp8Edit>& vp8,
                      const rtp::ExtensionPolicy& policy, ByteSpan out) {
  const std::size_t at = rtp::write_header(packet, header, policy, out);
  if (at == 0 || out.size() - at < 2) return 0;
  store16(&out[at], original);
  return append_body(packet, vp8, at + 2, out);
}

}  // namespace roomgate::sfu::send
