#include "sfu/rtp/transport_feedback.hpp"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <vector>

using namespace roomgate;
using namespace roomgate::sfu::rtp;

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes write(const TransportFeedbackHead& head, const std::vector<PacketStatus>& statuses) {
  Bytes bytes(kMaxFeedbackBytes);
  ByteWriter writer(bytes);
  REQUIRE(write_transport_feedback(writer, head, statuses));
  bytes.resize(writer.position());
  return bytes;
}

std::optional<TransportFeedback> read(const Bytes& bytes, std::span<PacketStatus> statuses) {
  RtcpReader reader(bytes);
  const auto packet = reader.next();
  if (!packet) return std::nullopt;
  return read_transport_feedback(*packet, statuses);
}

}  // namespace

TEST_CASE("writes a run as one chunk, to the byte") {
  const TransportFeedbackHead head{
      .sender_ssrc = 1, .media_ssrc = 2, .base_sequence = 3, .reference_time = 4, .feedback_count = 5};

  const Bytes bytes = write(head, {{true, 6}, {true, 7}});

  const Bytes expected = {0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 3, 0, 2, 0, 0, 4, 5, 0x20, 2, 6, 7};
  CHECK(bytes == expected);
}

TEST_CASE("random patterns of loss, run lengths and deltas read back as written") {
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::vector<PacketStatus> statuses;
    const std::size_t count = 1 + random() % kMaxStatuses;
    while (statuses.size() < count) {
      const auto kind = random() % 4;
      for (auto run = 1 + random() % (round % 2 == 0 ? 3 : 40); run > 0 && statuses.size() < count; --run) {
        switch (kind) {
          case 0: statuses.push_back({}); break;
          case 1: statuses.push_back({true, static_cast<std::int16_t>(random() % 256)}); break;
          case 2: statuses.push_back({true, static_cast<std::int16_t>(256 + random() % 32000)}); break;
          default:
            statuses.push_back({true, static_cast<std::int16_t>(-1 - static_cast<int>(random() % 32768))});
        }
      }
    }
    const TransportFeedbackHead head{.base_sequence = static_cast<std::uint16_t>(random()),
                                     .reference_time = static_cast<std::uint32_t>(random()) & 0xffffff,
                                     .feedback_count = static_cast<std::uint8_t>(random())};

    const Bytes bytes = write(head, statuses);

    REQUIRE(bytes.size() % 4 == 0);
    std::vector<PacketStatus> got(kMaxStatuses);
    const auto feedback = read(bytes, got);
    REQUIRE(feedback);
    got.resize(feedback->count);
    REQUIRE(got == statuses);
    CHECK(feedback->head.base_sequence == head.base_sequence);
    CHECK(feedback->head.reference_time == head.reference_time);
    CHECK(feedback->head.feedback_count == head.feedback_count);
  }
}

TEST_CASE("the worst case stays in one packet") {
  // Alternating large and missing: two-bit vectors and two-byte deltas throughout.
  std::vector<PacketStatus> statuses(kMaxStatuses, PacketStatus{true, -1});
  for (std::size_t i = 0; i < statuses.size(); i += 6) statuses[i] = {};
  CHECK(write({}, statuses).size() <= kMaxFeedbackBytes);
  CHECK(write({}, std::vector<PacketStatus>(kMaxStatuses, PacketStatus{true, 256})).size() <=
        kMaxFeedbackBytes);
}

TEST_CASE("refuses none, too many, and too little room") {
  Bytes bytes(kMaxFeedbackBytes);
  ByteWriter writer(bytes);
  CHECK_FALSE(write_transport_feedback(writer, {}, {}));
  CHECK_FALSE(write_transport_feedback(writer, {}, std::vector<PacketStatus>(kMaxStatuses + 1)));
  ByteWriter small(ByteSpan(bytes).first(23));
  CHECK_FALSE(write_transport_feedback(small, {}, std::vector<PacketStatus>(1)));
  CHECK(small.position() == 0);
}

TEST_CASE("refuses malformed feedback") {
  const Bytes good = write({}, {{true, 6}, {true, 7}});
  std::array<PacketStatus, 8> statuses;
  REQUIRE(read(good, statuses));

  Bytes empty_run = good;
  empty_run[21] = 0;
  CHECK_FALSE(read(empty_run, statuses));
  Bytes reserved_symbol = good;
  reserved_symbol[20] = 0x60;
  CHECK_FALSE(read(reserved_symbol, statuses));
  Bytes more_than_there_is = good;
  more_than_there_is[15] = 8;
  CHECK_FALSE(read(more_than_there_is, statuses));
  Bytes none = good;
  none[15] = 0;
  CHECK_FALSE(read(none, statuses));
  CHECK_FALSE(read(good, std::span(statuses).first(1)));
}

TEST_CASE("a lie about 65535 packets costs no more than the caller's span") {
  Bytes bytes = write({}, {{true, 6}, {true, 7}});
  bytes[14] = bytes[15] = 0xff;
  std::array<PacketStatus, 512> statuses;

  CHECK_FALSE(read(bytes, statuses));
}
