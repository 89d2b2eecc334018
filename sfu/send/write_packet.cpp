#include "sfu/send/write_packet.hpp"

#include <array>

namespace roomgate::sfu::send {
namespace {

std::size_t write_head(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header, const Edit& edit,
                       const rtp::ExtensionPolicy& policy, ByteSpan out) {
  if (edit.empty) return rtp::write_bare_header(header, out);
  if (!edit.descriptor) return rtp::write_header(packet, header, policy, out);
  const auto descriptor = rtp::find_extension(packet, rtp::kDependencyDescriptorId);
  if (!descriptor) return rtp::write_header(packet, header, policy, out);
  std::array<std::uint8_t, rtp::kMaxDescriptor> rewritten;
  const std::size_t size = rtp::rewrite_descriptor(*descriptor, *edit.descriptor, rewritten);
  if (size == 0) return 0;
  const rtp::Extension replacement{rtp::kDependencyDescriptorId, ByteView(rewritten).first(size)};
  return rtp::write_header(packet, header, policy, out, &replacement);
}

std::size_t append_body(const rtp::RtpPacketView& packet, const Edit& edit, std::size_t at, ByteSpan out) {
  if (edit.empty) return at;
  const ByteView body = packet.body().subspan(edit.skip);
  if (at == 0 || body.size() > out.size() - at) return 0;
  if (!body.empty()) std::memcpy(out.data() + at, body.data(), body.size());
  if (edit.picture) rtp::write_picture_fields(out.subspan(at, packet.payload().size()), *edit.picture);
  return at + body.size();
}

}  // namespace

std::size_t write_media(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header, const Edit& edit,
                        const rtp::ExtensionPolicy& policy, ByteSpan out) {
  return append_body(packet, edit, write_head(packet, header, edit, policy, out), out);
}

std::size_t write_rtx(const rtp::RtpPacketView& packet, const rtp::OutgoingHeader& header,
                      std::uint16_t original, const Edit& edit, const rtp::ExtensionPolicy& policy,
                      ByteSpan out) {
  const std::size_t at = write_head(packet, header, edit, policy, out);
  if (at == 0 || out.size() - at < 2) return 0;
  store16(&out[at], original);
  return append_body(packet, edit, at + 2, out);
}

}  // namespace roomgate::sfu::send
