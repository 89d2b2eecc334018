// A source packet as it leaves to a receiver, as media and as RTX: whatever is written lies within its
// bounds, is RTP with the numbers asked for, and carries the source's payload but for the fields rewritten.
#include <algorithm>
#include <vector>

#include "sfu/rtp/vp8.hpp"
#include "sfu/rtp/vp9.hpp"
#include "sfu/send/write_packet.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu;

namespace {

void check(ByteView written, const rtp::RtpPacketView& source, const rtp::OutgoingHeader& header,
           const send::Edit& edit, std::size_t before_payload) {
  const auto packet = rtp::RtpPacketView::parse(written);
  require(packet.ok());
  require(packet->ssrc() == header.ssrc && packet->sequence() == header.sequence);
  require(packet->timestamp() == header.timestamp && packet->payload_type() == header.payload_type);
  require(rtp::transport_sequence(*packet) == header.transport_sequence);
  const ByteView payload = packet->payload();
  if (edit.empty) return require(payload.size() == before_payload);
  require(payload.size() == before_payload + source.payload().size());
  const ByteView body = payload.subspan(before_payload);
  if (!edit.picture) require(std::equal(body.begin(), body.end(), source.payload().begin()));
}

}  // namespace

// The first byte chooses what is edited, four more are the new values; the rest is the packet.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 5) return 0;
  ByteReader in(ByteView(data, size));
  const std::uint8_t choice = in.u8();
  const std::uint16_t shift = in.u16();
  const std::uint16_t number = in.u16();
  const auto source = rtp::RtpPacketView::parse(in.bytes(in.left()));
  if (!source) return 0;

  rtp::OutgoingHeader header{.ssrc = 7, .sequence = number, .timestamp = shift, .payload_type = 96};
  if ((choice & 1) != 0) header.transport_sequence = number;
  send::Edit edit;
  edit.empty = (choice & 2) != 0;
  if ((choice & 4) != 0) {
    if (const auto vp8 = rtp::read_vp8(source->payload())) edit.picture = vp8->picture();
  } else if ((choice & 8) != 0) {
    if (const auto vp9 = rtp::read_vp9(source->payload())) edit.picture = vp9->picture;
  }
  if (edit.picture) {
    edit.picture->picture_id = number;
    edit.picture->tl0 = static_cast<std::uint8_t>(shift);
  }
  rtp::DependencyStructure structure;
  const auto bytes = rtp::find_extension(*source, rtp::kDependencyDescriptorId);
  if (const auto descriptor =
          bytes ? rtp::read_dependency_descriptor(*bytes, nullptr, structure) : std::nullopt) {
    edit.descriptor = rtp::DescriptorRewrite{.template_shift = static_cast<std::uint8_t>(shift & 63),
                                             .frame_shift = number,
                                             .active_targets = shift,
                                             .targets = static_cast<std::uint8_t>(structure.targets),
                                             .places = descriptor->places};
  }

  std::vector<std::uint8_t> out(source->size() + 2 + send::kGrowth);
  if (const std::size_t media = send::write_media(*source, header, edit, {}, out)) {
    check(ByteView(out).first(media), *source, header, edit, 0);
  }
  if (edit.empty) return 0;
  if (const std::size_t rtx = send::write_rtx(*source, header, shift, edit, {}, out)) {
    check(ByteView(out).first(rtx), *source, header, edit, 2);
    const auto packet = rtp::RtpPacketView::parse(ByteView(out).first(rtx));
    require(load16(packet->payload().data()) == shift);
  }
  return 0;
}
