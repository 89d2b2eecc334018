// Parse, touch every getter, rewrite as it would leave, parse again: what leaves is well formed and carries
// no mid.
#include <vector>

#include "sfu/rtp/extensions.hpp"
#include "sfu/rtp/keyframe.hpp"
#include "sfu/rtp/packet.hpp"
#include "sfu/rtp/vp8.hpp"
#include "tests/fuzz/require.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  (void)is_rtcp(input);
  (void)RtpPacketView::parse_protected(input).ok();
  const auto packet = RtpPacketView::parse(input);
  if (!packet) return 0;

  std::uint64_t touched = packet->payload_type() + packet->sequence() + packet->timestamp() + packet->ssrc() +
                          packet->extension_profile() + packet->padding_size() + (packet->marker() ? 1 : 0);
  for (std::size_t i = 0; i < packet->csrc_count(); ++i) touched += packet->csrc(i);
  for (const std::uint8_t byte : packet->extension_body()) touched += byte;
  for (const std::uint8_t byte : packet->payload()) touched += byte;
  require(packet->header_size() + packet->payload().size() + packet->padding_size() == size);

  const auto descriptor = find_extension(*packet, kDependencyDescriptorId);
  for (const Codec codec : {Codec::vp8, Codec::vp9, Codec::h264, Codec::av1}) {
    touched += starts_keyframe(codec, packet->payload(), descriptor) ? 1 : 0;
    touched += starts_keyframe(codec, packet->payload(), std::nullopt) ? 1 : 0;
  }

  const OutgoingHeader fields{.ssrc = 1,
                              .sequence = 2,
                              .timestamp = 3,
                              .payload_type = 4,
                              .marker = true,
                              .transport_sequence = static_cast<std::uint16_t>(touched)};
  ExtensionPolicy everything;
  for (unsigned id = 0; id < 256; ++id) everything.keep(static_cast<std::uint8_t>(id));
  for (const ExtensionPolicy& policy : {ExtensionPolicy{}, everything}) {
    // Two-byte heads of short elements may cost more than what was left out: room for the worst.
    std::vector<std::uint8_t> out(size + kHeaderGrowth);
    const std::size_t header = write_header(*packet, fields, policy, out);
    if (header == 0) continue;
    out.resize(header);
    out.insert(out.end(), packet->body().begin(), packet->body().end());
    const auto again = RtpPacketView::parse(out);
    require(again.ok());
    require(again->ssrc() == 1 && again->sequence() == 2 && again->timestamp() == 3);
    require(again->payload_type() == 4 && again->marker());
    require(again->payload().size() == packet->payload().size());
    require(!find_extension(*again, kMidId) && !find_extension(*again, kRidId));
    require(!find_extension(*again, kAbsSendTimeId));
    require(transport_sequence(*again) == fields.transport_sequence);

    if (const auto vp8 = read_vp8(again->payload())) {
      const Vp8Rewrite values{.picture_id = 0x1234, .tl0 = 0x56};
      rewrite_vp8(ByteSpan(out).subspan(again->header_size(), again->payload().size()), *vp8, values);
      const auto rewritten = read_vp8(again->payload());
      require(rewritten && rewritten->size == vp8->size && rewritten->keyframe == vp8->keyframe);
      if (vp8->tl0_at != 0) require(rewritten->tl0 == values.tl0);
    }
  }

  std::vector<std::uint8_t> edited(data, data + size);
  set_marker(edited, false);
  set_payload_type(edited, 96);
  set_sequence(edited, 1);
  set_timestamp(edited, 2);
  set_ssrc(edited, 3);
  require(RtpPacketView::parse(edited).ok());
  return 0;
}
