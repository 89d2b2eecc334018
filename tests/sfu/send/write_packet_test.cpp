#include "sfu/send/write_packet.hpp"

#include <doctest/doctest.h>

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

        const std::size_t size = rtx ? write_rtx(view(in), header, 77, std::nullopt, {}, out)
                                     : write_media(view(in), header, std::nullopt, {}, out);

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
  const Vp8Edit edit{*read_vp8(kVp8), {.picture_id = 0x11, .tl0 = 0x22}};
  Bytes out(2000);

  out.resize(write_media(view(in), {.ssrc = 5}, edit, {}, out));

  CHECK(payload_of(out) == Bytes{0x90, 0xe0, 0x80, 0x11, 0x22, 0x20, 0x01, 0xaa, 0xbb});
  CHECK(view(out).padding_size() == 2);
  CHECK(in == before);
}

TEST_CASE("RTX has the known number in front of the same payload") {
  const Bytes in = build({.marker = true, .sequence = 4000, .payload = kVp8});
  const Vp8Edit edit{*read_vp8(kVp8), {.picture_id = 0x11, .tl0 = 0x22}};
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
    CHECK(write_media(view(in), {}, std::nullopt, {}, ByteSpan(out).first(room)) == 0);
    CHECK(write_rtx(view(in), {}, 1, std::nullopt, {}, ByteSpan(out).first(room + 1)) == 0);
  }
  CHECK(write_media(view(in), {}, std::nullopt, {}, ByteSpan(out).first(in.size())) == in.size());
  CHECK(write_rtx(view(in), {}, 1, std::nullopt, {}, out) == in.size() + 2);
}
