#include "sfu/send/write_packet.hpp"

#include <doctest/doctest.h>

#include "sfu/rtp/vp8.hpp"
#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu;
using namespace roomgate::sfu::rtp;
using namespace roomgate::sfu::send;

namespace {

const Bytes kVp8 = {0x90, 0xe0, 0x92, 0x34, 0x56, 0x20, 0x01, 0xaa, 0xbb};

RtpPacketView view(const Bytes& bytes) {
  const auto packet = RtpPacketView::parse(bytes);
  REQUIRE(packet.ok());
  return *packet;
}

PictureFields renumbered() {
  PictureFields fields = read_vp8(kVp8)->picture();
  fields.picture_id = 0x11;
  fields.tl0 = 0x22;
  return fields;
}

Bytes payload_of(const Bytes& bytes) {
  const ByteView payload = view(bytes).payload();
  return Bytes(payload.begin(), payload.end());
}

}  // namespace

TEST_CASE("pitfall 6: mid is on no packet that leaves: media and RTX, one-byte and two-byte headers") {
  for (const bool two_byte : {false, true}) {
    for (const bool rtx : {false, true}) {
      for (const bool sequence : {false, true}) {
        const Bytes in = build(
            {.extensions = {{10, {'1'}}, {11, Bytes(two_byte ? 30 : 5, 7)}, {3, {0, 0, 0}}, {5, {1, 1}}},
             .two_byte = two_byte,
             .payload = kVp8});
        OutgoingHeader header{.ssrc = 1, .sequence = 2, .timestamp = 3, .payload_type = 100};
        if (sequence) header.transport_sequence = 9;
        Bytes out(2000);

        const std::size_t size =
            rtx ? write_rtx(view(in), header, 77, {}, {}, out) : write_media(view(in), header, {}, {}, out);

        REQUIRE(size > 0);
        out.resize(size);
        CHECK_FALSE(find_extension(view(out), kMidId));
        CHECK_FALSE(find_extension(view(out), kAbsSendTimeId));
        CHECK(find_extension(view(out), kDependencyDescriptorId));
        CHECK(transport_sequence(view(out)).has_value() == sequence);
      }
    }
  }
}

TEST_CASE("media has the payload with its VP8 fields replaced, and the source is untouched") {
  const Bytes in = build({.payload = kVp8, .padding = 2});
  const Bytes before = in;
  const Edit edit{.picture = renumbered()};
  Bytes out(2000);

  out.resize(write_media(view(in), {.ssrc = 5}, edit, {}, out));

  CHECK(payload_of(out) == Bytes{0x90, 0xe0, 0x80, 0x11, 0x22, 0x20, 0x01, 0xaa, 0xbb});
  CHECK(view(out).padding_size() == 2);
  CHECK(in == before);
}

TEST_CASE("RTX has the known number in front of the same payload") {
  const Bytes in = build({.marker = true, .sequence = 4000, .payload = kVp8});
  const Edit edit{.picture = renumbered()};
  Bytes out(2000);

  out.resize(write_rtx(view(in),
                       {.ssrc = 6, .sequence = 1, .timestamp = 3, .payload_type = 96, .marker = true}, 0x1234,
                       edit, {}, out));

  CHECK(payload_of(out) == Bytes{0x12, 0x34, 0x90, 0xe0, 0x80, 0x11, 0x22, 0x20, 0x01, 0xaa, 0xbb});
  CHECK(view(out).ssrc() == 6);
  CHECK(view(out).payload_type() == 96);
  CHECK(view(out).marker());
}

TEST_CASE("writes nothing into too little room") {
  const Bytes in = build({.payload = kVp8});
  Bytes out(in.size() + 2);
  for (std::size_t room = 0; room < in.size(); ++room) {
    CHECK(write_media(view(in), {}, Edit{}, {}, ByteSpan(out).first(room)) == 0);
    CHECK(write_rtx(view(in), {}, 1, Edit{}, {}, ByteSpan(out).first(room + 1)) == 0);
  }
  CHECK(write_media(view(in), {}, Edit{}, {}, ByteSpan(out).first(in.size())) == in.size());
  CHECK(write_rtx(view(in), {}, 1, Edit{}, {}, out) == in.size() + 2);
}

TEST_CASE(
    "an empty packet is a header with its numbers and the transport sequence, whatever the source had") {
  const Bytes in = build(
      {.csrcs = {1, 2}, .extensions = {{11, {0x80, 0, 1}}, {5, {1, 1}}}, .payload = kVp8, .padding = 3});
  Bytes out(2000);

  out.resize(write_media(
      view(in), {.ssrc = 5, .sequence = 8, .timestamp = 9, .payload_type = 100, .transport_sequence = 7},
      Edit{.empty = true}, {}, out));

  CHECK(out.size() == kFixedHeader + 8);
  CHECK(view(out).sequence() == 8);
  CHECK(view(out).timestamp() == 9);
  CHECK(view(out).ssrc() == 5);
  CHECK(view(out).payload().empty());
  CHECK(view(out).csrc_count() == 0);
  CHECK(transport_sequence(view(out)) == 7);
  CHECK_FALSE(find_extension(view(out), kDependencyDescriptorId));
}

TEST_CASE("a dependency descriptor leaves with its numbers moved on, and told targets where it has none") {
  const Bytes in = build({.extensions = {{11, {0xc1, 0x00, 0x07}}}, .payload = kVp8});
  const Edit edit{.descriptor = DescriptorRewrite{
                      .template_shift = 63, .frame_shift = 0x100, .active_targets = 0b011, .targets = 3}};
  Bytes out(2000);

  out.resize(write_media(view(in), {.ssrc = 5}, edit, {}, out));

  const auto descriptor = find_extension(view(out), kDependencyDescriptorId);
  REQUIRE(descriptor);
  // Flags 01000, then the mask.
  CHECK(Bytes(descriptor->begin(), descriptor->end()) == Bytes{0xc0, 0x01, 0x07, 0b01000'011});
}
