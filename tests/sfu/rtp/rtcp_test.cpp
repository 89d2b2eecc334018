#include "sfu/rtp/rtcp.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Built {
  Bytes bytes = Bytes(1500);
  ByteWriter writer{bytes};
  ByteView view() { return writer.written(); }
  RtcpPacketView only() {
    RtcpReader reader(view());
    const auto packet = reader.next();
    REQUIRE(packet.has_value());
    CHECK_FALSE(reader.next().has_value());
    CHECK_FALSE(reader.failed());
    return *packet;
  }
};

}  // namespace

TEST_CASE("a compound of reports and feedback reads back as written") {
  Built built;
  const ReportBlock block{.ssrc = 1,
                          .fraction_lost = 25,
                          .cumulative_lost = -3,
                          .highest_sequence = 0x10005,
                          .jitter = 6,
                          .last_sender_report = 7,
                          .delay_since_sender_report = 8};
  const SenderReport report{
      .ssrc = 10, .ntp = 0x1122334455667788, .rtp_timestamp = 3, .packets = 4, .octets = 5};
  REQUIRE(write_sender_report(built.writer, report, std::span(&block, 1)));
  REQUIRE(write_cname(built.writer, 10, "bridge"));
  REQUIRE(write_picture_loss(built.writer, 10, 11));

  RtcpReader reader(built.view());
  const auto first = reader.next();
  const auto second = reader.next();
  const auto third = reader.next();

  REQUIRE(first);
  CHECK(read_sender_report(*first) == report);
  CHECK(read_report_sender(*first) == 10);
  const auto blocks = read_report_blocks(*first);
  REQUIRE(blocks);
  REQUIRE(blocks->count == 1);
  CHECK(blocks->blocks[0] == block);
  REQUIRE(second);
  const auto cname = read_cname(*second);
  REQUIRE(cname);
  CHECK(cname->ssrc == 10);
  CHECK(cname->name == "bridge");
  REQUIRE(third);
  CHECK(third->is(kPictureLoss));
  CHECK(read_feedback(*third)->media_ssrc == 11);
  CHECK_FALSE(reader.next());
  CHECK_FALSE(reader.failed());
}

TEST_CASE("an empty receiver report is 8 bytes") {
  Built built;
  REQUIRE(write_receiver_report(built.writer, 5, {}));
  CHECK(built.view().size() == 8);
  CHECK(read_report_blocks(built.only())->count == 0);
}

TEST_CASE("names of every length keep the packet aligned and ended") {
  for (std::size_t length = 0; length < 12; ++length) {
    Built built;
    const std::string name(length, 'n');
    REQUIRE(write_cname(built.writer, 1, name));
    CHECK(built.view().size() % 4 == 0);
    CHECK(read_cname(built.only())->name == name);
  }
}

TEST_CASE("NACK packs neighbours and survives the wrap of numbers") {
  const std::vector<std::uint16_t> asked = {65530, 65531, 10, 11, 26, 28, 500};
  Built built;

  REQUIRE(write_nack(built.writer, 1, 2, asked));

  CHECK(built.view().size() == 12 + 4 * 4);  // {65530, 65531, 10}, {11, 26}, {28}, {500}
  std::vector<std::uint16_t> got;
  const auto nack = read_feedback(built.only());
  for_each_nacked(*nack, 100, [&](std::uint16_t sequence) { got.push_back(sequence); });
  CHECK(got == asked);
}

TEST_CASE("reading a NACK stops at the caller's limit") {
  Built built;
  std::vector<std::uint16_t> asked;
  for (std::uint16_t i = 0; i < 200; ++i) asked.push_back(i);
  REQUIRE(write_nack(built.writer, 1, 2, asked));
  int called = 0;

  const std::size_t count =
      for_each_nacked(*read_feedback(built.only()), 50, [&](std::uint16_t) { ++called; });

  CHECK(called == 50);
  CHECK(count == 50);
}

TEST_CASE("FIR names the source in its entry") {
  Built built;
  REQUIRE(write_full_intra_request(built.writer, 1, 77, 3));
  std::uint32_t ssrc = 0;
  for_each_fir(*read_feedback(built.only()), [&](std::uint32_t s, std::uint8_t sequence) {
    ssrc = s;
    CHECK(sequence == 3);
  });
  CHECK(ssrc == 77);
}

TEST_CASE("BYE lists what leaves") {
  Built built;
  REQUIRE(write_bye(built.writer, 42));
  std::uint32_t gone = 0;
  for_each_bye(built.only(), [&](std::uint32_t ssrc) { gone = ssrc; });
  CHECK(gone == 42);
}

TEST_CASE("REMB keeps 18 significant bits of the rate") {
  for (const std::uint64_t rate : {0ull, 1ull, 262143ull, 262144ull, 3'000'000ull, 5'000'000'000ull}) {
    Built built;
    const std::uint32_t ssrcs[] = {1, 2};
    REQUIRE(write_remb(built.writer, 9, rate, ssrcs));
    const auto remb = read_remb(built.only());
    REQUIRE(remb);
    CHECK(remb->sender_ssrc == 9);
    CHECK(remb->bitrate <= rate);
    CHECK(rate - remb->bitrate <= rate >> 17);
    CHECK(remb->ssrcs.size() == 8);
  }
}

TEST_CASE("the walk ends at a packet that does not hold, after giving those before it") {
  const Bytes good = {0x80, 201, 0, 1, 0, 0, 0, 1};
  struct Case {
    const char* what;
    Bytes bad;
  };
  const Case cases[] = {
      {"torn head", {0x80, 201, 0}},
      {"length past the end", {0x80, 201, 0, 2, 0, 0, 0, 1}},
      {"wrong version", {0x40, 201, 0, 1, 0, 0, 0, 1}},
      {"padding of none", {0xa0, 201, 0, 1, 0, 0, 0, 0}},
      {"padding beyond the body", {0xa0, 201, 0, 1, 0, 0, 0, 8}},
      {"padding without a body", {0xa0, 201, 0, 0}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    Bytes bytes = good;
    bytes.insert(bytes.end(), c.bad.begin(), c.bad.end());
    RtcpReader reader(bytes);
    CHECK(reader.next().has_value());
    CHECK_FALSE(reader.next().has_value());
    CHECK(reader.failed());
    CHECK_FALSE(reader.next().has_value());
  }
}

TEST_CASE("typed readers refuse packets shorter than what they claim") {
  const Bytes body(27);
  CHECK_FALSE(read_sender_report({kSenderReport, 0, ByteView(body).first(23)}));
  CHECK(read_sender_report({kSenderReport, 0, ByteView(body).first(24)}));
  CHECK_FALSE(read_report_blocks({kReceiverReport, 2, ByteView(body).first(27)}));
  CHECK_FALSE(read_feedback({kPayloadFeedback, 1, ByteView(body).first(7)}));
  CHECK_FALSE(read_remb({kPayloadFeedback, 15, ByteView(body).first(16)}));
  const Bytes torn_item = {0, 0, 0, 1, 1, 200, 'a'};
  CHECK_FALSE(read_cname({kSourceDescription, 1, torn_item}));
}

TEST_CASE("refuses a REMB rate beyond 64 bits") {
  Built built;
  REQUIRE(write_remb(built.writer, 9, 1, {}));
  built.bytes[17] = 0xff;

  CHECK_FALSE(read_remb(built.only()));
}

TEST_CASE("builders write nothing when there is no room") {
  Bytes small(10);
  ByteWriter writer(small);
  const std::uint16_t sequence = 1;
  CHECK_FALSE(write_picture_loss(writer, 1, 2));
  CHECK_FALSE(write_nack(writer, 1, 2, std::span(&sequence, 1)));
  CHECK_FALSE(write_nack(writer, 1, 2, {}));
  CHECK_FALSE(write_remb(writer, 1, 2, {}));
  CHECK_FALSE(write_cname(writer, 1, std::string(256, 'x')));
  CHECK(writer.position() == 0);
  CHECK(write_bye(writer, 1));
}
