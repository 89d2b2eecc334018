#include "sfu/rtp/extensions.hpp"

#include <doctest/doctest.h>

#include <random>

#include "tests/sfu/rtp/build_packet.hpp"

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

RtpPacketView view(const Bytes& bytes) {
  auto packet = RtpPacketView::parse(bytes);
  REQUIRE(packet.ok());
  return *packet;
}

// The packet as it would leave: header rewritten, body as it was.
Bytes leave(const Bytes& bytes, const OutgoingHeader& fields, const ExtensionPolicy& policy = {}) {
  const RtpPacketView packet = view(bytes);
  Bytes out(packet.size() + kHeaderGrowth);
  const std::size_t header = write_header(packet, fields, policy, out);
  REQUIRE(header > 0);
  out.resize(header);
  out.insert(out.end(), packet.body().begin(), packet.body().end());
  return out;
}

Bytes data_of(const Bytes& bytes, std::uint8_t id) {
  const auto data = find_extension(view(bytes), id);
  REQUIRE(data.has_value());
  return Bytes(data->begin(), data->end());
}

bool has(const Bytes& bytes, std::uint8_t id) { return find_extension(view(bytes), id).has_value(); }

}  // namespace

TEST_CASE("pitfall 14: finds elements in both forms, padding between them included") {
  for (const bool two_byte : {false, true}) {
    const Bytes bytes =
        build({.extensions = {{3, {1, 2, 3}}, {10, {'0'}}, {5, {0x12, 0x34}}}, .two_byte = two_byte});

    CHECK(data_of(bytes, 3) == Bytes{1, 2, 3});
    CHECK(data_of(bytes, 10) == Bytes{'0'});
    CHECK(transport_sequence(view(bytes)) == 0x1234);
    CHECK_FALSE(has(bytes, 1));
  }
}

TEST_CASE("stops at a torn element and at id 15") {
  Bytes torn = build({.extensions = {{1, {7}}, {2, {8}}}});
  torn[18] = 0x2f;  // element 2 now claims 16 bytes
  ExtensionReader reader(view(torn));
  CHECK(reader.next().has_value());
  CHECK_FALSE(reader.next().has_value());
  CHECK(reader.failed());

  const Bytes ended = build({.extensions = {{15, {7}}, {2, {8}}}});
  ExtensionReader stopped(view(ended));
  CHECK_FALSE(stopped.next().has_value());
  CHECK_FALSE(stopped.failed());
}

TEST_CASE("has no elements in a profile it does not know") {
  Bytes bytes = build({.extensions = {{1, {7}}}});
  bytes[12] = 0x12;

  CHECK_FALSE(has(bytes, 1));
  CHECK_FALSE(view(leave(bytes, {})).has_extension());
}

TEST_CASE(
    "pitfall 6: mid is on no outgoing packet, in one-byte and two-byte headers, whatever the policy was "
    "told") {
  ExtensionPolicy everything;
  for (int id = 0; id < 256; ++id) everything.keep(static_cast<std::uint8_t>(id));
  for (const bool two_byte : {false, true}) {
    for (const ExtensionPolicy& policy : {ExtensionPolicy{}, everything}) {
      const Bytes in = build(
          {.extensions = {{10, {'0'}}, {1, {0x90}}, {3, {1, 2, 3}}, {4, {'h'}}, {10, {'1'}}, {5, {9, 9}}},
           .two_byte = two_byte});

      const Bytes out = leave(in, {.ssrc = 1}, policy);

      CHECK_FALSE(has(out, kMidId));
      CHECK_FALSE(has(out, kRidId));
      CHECK_FALSE(has(out, kAbsSendTimeId));
      CHECK_FALSE(has(out, kTransportSequenceId));
      CHECK(data_of(out, kAudioLevelId) == Bytes{0x90});
      CHECK(view(out).size() < in.size());
    }
  }
}

TEST_CASE("an extension block that becomes empty goes, with its bit") {
  const Bytes out = leave(build({.extensions = {{10, {'0'}}}}), {.ssrc = 5});

  CHECK_FALSE(view(out).has_extension());
  CHECK(out.size() == 12 + 4);
}

TEST_CASE(
    "pitfall 14: keeps a long dependency descriptor in the two-byte form, a short one in the one-byte form") {
  const Bytes long_descriptor(48, 0xab);
  const Bytes kept = leave(build({.extensions = {{10, {'0'}}, {11, long_descriptor}}, .two_byte = true}), {});
  CHECK(view(kept).extension_profile() == kTwoByteProfile);
  CHECK(data_of(kept, 11) == long_descriptor);

  const Bytes shortened = leave(build({.extensions = {{10, {'0'}}, {11, {1, 2, 3}}}, .two_byte = true}), {});
  CHECK(view(shortened).extension_profile() == kOneByteProfile);
  CHECK(data_of(shortened, 11) == Bytes{1, 2, 3});
}

TEST_CASE("writes our transport sequence in place of the sender's") {
  for (const bool two_byte : {false, true}) {
    const Bytes in =
        build({.extensions = {{5, {0, 1}}, {11, Bytes(two_byte ? 20 : 3, 1)}}, .two_byte = two_byte});

    const Bytes out = leave(in, {.transport_sequence = 0xbeef});

    CHECK(transport_sequence(view(out)) == 0xbeef);
    int count = 0;
    ExtensionReader reader(view(out));
    while (const auto element = reader.next()) count += element->id == 5;
    CHECK(count == 1);
  }
  // Even where there was no block: the header grows.
  const Bytes grown = leave(build({}), {.transport_sequence = 7});
  CHECK(grown.size() == 12 + 8 + 4);
  CHECK(transport_sequence(view(grown)) == 7);
}

TEST_CASE("rewrites the fields, and keeps CSRCs, padding and payload") {
  const Bytes in =
      build({.marker = true, .csrcs = {1, 2, 3}, .extensions = {{1, {3}}, {10, {'x'}}}, .padding = 4});

  const Bytes out =
      leave(in, {.ssrc = 9, .sequence = 8, .timestamp = 7, .payload_type = 96, .marker = false});

  const RtpPacketView packet = view(out);
  CHECK(packet.ssrc() == 9);
  CHECK(packet.sequence() == 8);
  CHECK(packet.timestamp() == 7);
  CHECK(packet.payload_type() == 96);
  CHECK_FALSE(packet.marker());
  CHECK(packet.csrc_count() == 3);
  CHECK(packet.csrc(2) == 3);
  CHECK(packet.padding_size() == 4);
  CHECK(Bytes(packet.payload().begin(), packet.payload().end()) == Bytes{1, 2, 3, 4});
}

TEST_CASE("writes nothing usable into too little room") {
  const Bytes in = build({.extensions = {{1, {3}}}});
  Bytes out(64);

  for (std::size_t room = 0; room < 20; ++room) {
    CHECK(write_header(view(in), {}, {}, ByteSpan(out).first(room)) == 0);
  }
  CHECK(write_header(view(in), {}, {}, ByteSpan(out).first(20)) == 20);
}

TEST_CASE("any mix of elements leaves as the same mix without the forbidden ones") {
  std::mt19937 random(1);
  for (int round = 0; round < 2000; ++round) {
    TestPacket packet{.two_byte = random() % 2 == 0};
    ExtensionPolicy policy;
    policy.keep(13);
    std::vector<TestExtension> expected;
    for (auto i = random() % 6; i > 0; --i) {
      const auto id = static_cast<std::uint8_t>(1 + random() % 14);
      const std::size_t size = packet.two_byte ? random() % 30 : 1 + random() % 16;
      packet.extensions.push_back({id, Bytes(size, static_cast<std::uint8_t>(random()))});
      if (id == 1 || id == 11 || id == 13) expected.push_back(packet.extensions.back());
    }

    const Bytes bytes = build(packet);
    const Bytes out = leave(bytes, {.transport_sequence = static_cast<std::uint16_t>(round)}, policy);

    ExtensionReader reader(view(out));
    for (const TestExtension& wanted : expected) {
      const auto got = reader.next();
      REQUIRE(got.has_value());
      CHECK(got->id == wanted.id);
      CHECK(Bytes(got->data.begin(), got->data.end()) == wanted.data);
    }
    const auto last = reader.next();
    REQUIRE(last.has_value());
    CHECK(last->id == kTransportSequenceId);
    CHECK_FALSE(reader.next().has_value());
    CHECK(out.size() <= bytes.size() + kHeaderGrowth);
  }
}
